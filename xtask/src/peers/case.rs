//! What is measured and what comes of it: engines, cases, and the measurements that are kept.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::Args;
use crate::measure::Cost;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Engine {
    /// This product.
    #[value(skip)]
    Pleura,
    /// PyTorch eager, its default layout.
    Eager,
    /// PyTorch eager, channels last.
    ChannelsLast,
    /// ONNX Runtime, CPU.
    Onnxruntime,
    /// Intel's engine, CPU, f32.
    Openvino,
    /// The machine's own f32 matrix product.
    #[value(skip)]
    Sgemm,
}

impl Engine {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pleura => "pleura",
            Self::Eager => "eager",
            Self::ChannelsLast => "channels-last",
            Self::Onnxruntime => "onnxruntime",
            Self::Openvino => "openvino",
            Self::Sgemm => "sgemm",
        }
    }

    pub(super) fn trains(self) -> bool {
        matches!(self, Self::Pleura | Self::Eager | Self::ChannelsLast)
    }

    pub(super) fn reads_onnx(self) -> bool {
        matches!(self, Self::Onnxruntime | Self::Openvino)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Mode {
    /// Forward, cross-entropy, backward, one SGD update.
    Train,
    /// Forward with running statistics.
    Infer,
}

impl Mode {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Infer => "infer",
        }
    }
}

/// What is measured on all engines alike.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Case {
    pub(super) architecture: String,
    pub(super) mode: Mode,
    pub(super) batch: u32,
    pub(super) size: u32,
    pub(super) outputs: u32,
    pub(super) threads: usize,
    pub(super) warm_up: u32,
    pub(super) steps: u32,
}

impl Case {
    pub(super) fn arguments(&self) -> Vec<String> {
        let values: [(&str, String); 8] = [
            ("--architecture", self.architecture.clone()),
            ("--mode", self.mode.name().to_owned()),
            ("--batch", self.batch.to_string()),
            ("--size", self.size.to_string()),
            ("--outputs", self.outputs.to_string()),
            ("--threads", self.threads.to_string()),
            ("--warm-up", self.warm_up.to_string()),
            ("--steps", self.steps.to_string()),
        ];
        values
            .into_iter()
            .flat_map(|(name, value)| [name.to_owned(), value])
            .collect()
    }
}

/// What an engine says of one measurement.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Answer {
    /// Of each timed step.
    #[serde(default)]
    pub(super) seconds: Vec<f64>,
    #[serde(default)]
    pub(super) version: String,
    /// Trainable numbers of the network.
    pub(super) parameters: Option<u64>,
    /// Of one film's forward pass.
    pub(super) multiply_adds: Option<u64>,
    /// The matrix product's rate.
    pub(super) multiply_adds_per_second: Option<f64>,
    pub(super) loss: Option<f64>,
    /// Packages that the engine needs and that are not installed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) missing: Vec<String>,
}

/// One measurement, as it is kept.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Measurement {
    pub(super) case: usize,
    pub(super) round: u32,
    pub(super) engine: Engine,
    pub(super) answer: Answer,
    pub(super) cost: Cost,
}

/// The cases of a run, in the order of the measurements.
pub(super) fn plan(args: &Args, threads: usize) -> Vec<Case> {
    let batch = if args.quick { args.batch.min(2) } else { args.batch };
    let mut cases = Vec::new();
    for architecture in &args.architecture {
        for (mode, batch) in [(Mode::Train, batch), (Mode::Infer, batch), (Mode::Infer, 1)] {
            // Some fifty films a training measurement and a hundred an inference, after a warm-up of one step.
            let films = if mode == Mode::Train { 48 } else { 96 };
            let steps = if args.quick {
                1
            } else {
                films.max(3 * batch).min(40 * batch) / batch
            };
            let fresh = !cases.iter().any(|case: &Case| {
                (&case.architecture, case.mode, case.batch) == (architecture, mode, batch)
            });
            if args.mode.contains(&mode) && fresh {
                let architecture = architecture.clone();
                cases.push(Case {
                    architecture,
                    mode,
                    batch,
                    size: 224,
                    outputs: 15,
                    threads,
                    warm_up: 1,
                    steps,
                });
            }
        }
    }
    cases
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::workspace;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn planned(line: &[&str]) -> Vec<(Mode, u32, u32)> {
        let line = Line::parse_from([&["bench"], line].concat());
        plan(&line.args, 2)
            .iter()
            .map(|case| (case.mode, case.batch, case.steps))
            .collect()
    }

    #[test]
    fn a_run_trains_and_infers_in_batches_and_infers_one_by_one() {
        assert_eq!(
            planned(&[]),
            [(Mode::Train, 16, 3), (Mode::Infer, 16, 6), (Mode::Infer, 1, 40)]
        );
        assert_eq!(
            planned(&["--batch", "1", "--mode", "infer"]),
            [(Mode::Infer, 1, 40)]
        );
        assert_eq!(
            planned(&["--batch", "64", "--mode", "train"]),
            [(Mode::Train, 64, 3)]
        );
        assert_eq!(
            planned(&["--quick"]),
            [(Mode::Train, 2, 1), (Mode::Infer, 2, 1), (Mode::Infer, 1, 1)]
        );
    }

    #[test]
    fn engines_are_called_what_the_peers_script_calls_them() {
        let script = std::fs::read_to_string(workspace::root().join("benches/peers/peer.py")).unwrap();
        for engine in Engine::value_variants() {
            assert!(script.contains(&format!("\"{}\": ", engine.name())), "{engine:?}");
        }
    }
}
