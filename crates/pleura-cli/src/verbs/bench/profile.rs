//! `--profile`: where a step's time goes, layer by layer and primitive by primitive.

use std::io::{self, Write as _};

use anyhow::Result;
use pleura_nn::profile::{Line, Profiled};
use pleura_nn::{Cpu, Network, Norm, Scope, Weights};
use serde_json::json;

use super::{Mode, clocked, noise};

/// Runs the steps with every primitive measured, and prints its table; as one line of JSON where `json` asks for it.
pub(super) fn run(
    (mode, weights): (Mode, &Weights),
    (batch, size): (usize, usize),
    (warm_up, steps): (u32, u32),
    json: bool,
) -> Result<()> {
    let network = Network::new(Profiled::new(Cpu::new()), weights)?;
    let mut gradients = network.gradients();
    let grey = noise(batch * size * size);
    let mut wall = 0.0;
    for step in 0..warm_up + steps {
        if step == warm_up {
            network.backend().clear();
            wall = 0.0;
        }
        let (seconds, done) = clocked(|| -> Result<()> {
            match mode {
                Mode::Train => {
                    let (logits, trace) = network.forward(&grey, batch, size, Norm::Batch)?;
                    network.backward(&trace, &logits, &Scope::all(), &mut gradients)?;
                }
                _ => drop(network.infer(&grey, batch, size)?),
            }
            Ok(())
        });
        done?;
        wall += seconds;
    }
    let lines = network.profile(Some(&gradients));
    let mut out = io::stdout().lock();
    if json {
        let document = json!({
            "architecture": weights.architecture.name(), "mode": mode.name(), "batch": batch, "size": size, "steps": steps,
            "threads": rayon::current_num_threads(), "seconds": wall, "lines": lines,
        });
        writeln!(out, "{document}")?;
        return Ok(());
    }
    writeln!(
        out,
        "{:<26} {:<48} {:>9} {:>9} {:>6} {:>8} {:>7}",
        "primitive", "layer", "columns", "ms a step", "share", "GFLOP/s", "GB/s"
    )?;
    for line in &lines {
        writeln!(out, "{}", row(line, wall, steps))?;
    }
    writeln!(
        out,
        "a step took {:.2} ms; GFLOP/s count the direct algorithm's arithmetic, GB/s maps and weights once",
        1e3 * wall / f64::from(steps)
    )?;
    Ok(())
}

fn row(line: &Line, wall: f64, steps: u32) -> String {
    let rate = |value: f64| {
        if value.is_normal() {
            format!("{value:.1}")
        } else {
            String::new()
        }
    };
    format!(
        "{:<26} {:<48} {:>9} {:>9.3} {:>5.1}% {:>8} {:>7}",
        line.primitive,
        line.layer,
        line.columns,
        1e3 * line.seconds / f64::from(steps),
        100.0 * line.seconds / wall,
        rate(line.gflops()),
        rate(line.gigabytes()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_names_its_layer_and_its_share() {
        let line = Line {
            primitive: "conv3x3",
            layer: "features.denseblock1.denselayer1.conv2.weight".to_owned(),
            columns: 3136,
            calls: 4,
            seconds: 0.5,
            multiply_adds: 1e9,
            bytes: 5e8,
        };
        let row = row(&line, 2.0, 2);
        for part in ["conv3x3", "denselayer1.conv2", "250.000", "25.0%", " 4.0", " 1.0"] {
            assert!(row.contains(part), "{part}: {row}");
        }
    }
}
