//! Draws a heatmap: `cargo run --example explain -- MODEL FILM FINDING OUT.png`.
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::path::Path;

use pleura::{Classifier, Composite, Film, Question};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, film, finding, out] = &arguments[..] else {
        return Err("usage: explain MODEL FILM FINDING OUT.png".into());
    };
    let model = Classifier::open(model)?;
    let film = Film::open(film)?;
    let explanation = model.explain(&film, &Question::finding(finding), &Composite::default())?;
    if let Some(ledger) = explanation.ledger() {
        println!(
            "logit {:+.3} = pixels {:+.3} + biases {:+.3} + stabilisers {:+.1e}",
            ledger.start, ledger.input, ledger.bias, ledger.epsilon
        );
    }
    explanation.picture(&film)?.save(Path::new(out))?;
    println!("{out}");
    Ok(())
}
