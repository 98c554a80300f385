//! Prints the outcome and the probabilities of a film: `cargo run --example predict -- MODEL FILM`.
#![allow(clippy::print_stdout, reason = "an example prints")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("usage: predict MODEL FILM");
    let answer = pleura::Classifier::open(next()?)?.predict(&pleura::Film::open(next()?)?)?;
    println!("{}", answer.outcome);
    for (finding, probability) in answer.probabilities() {
        println!("{probability:.3} {finding}");
    }
    Ok(())
}
