//! The engines, and the work that each can do.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::case::Mode;

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
    /// zennit on the canonised network: the same relevance as pleura's.
    Zennit,
    /// zennit on the network as it is, norms under the epsilon rule: less work, and another result.
    ZennitPlain,
    /// torchvision: its transforms, and a script that answers one film.
    Torchvision,
    /// tract, a Rust engine, on the ONNX file.
    Tract,
    /// candle, a Rust framework: the network built of its layers.
    Candle,
    /// Burn, a Rust framework, on its backend flex: likewise.
    Burn,
    /// The machine's own f32 matrix product.
    #[value(skip)]
    Sgemm,
}

impl Engine {
    /// Name on the command line and in the peers' script.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Pleura => "pleura",
            Self::Eager => "eager",
            Self::ChannelsLast => "channels-last",
            Self::Onnxruntime => "onnxruntime",
            Self::Openvino => "openvino",
            Self::Zennit => "zennit",
            Self::ZennitPlain => "zennit-plain",
            Self::Torchvision => "torchvision",
            Self::Tract => "tract",
            Self::Candle => "candle",
            Self::Burn => "burn",
            Self::Sgemm => "sgemm",
        }
    }

    /// Name in tables, without version.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Pleura => "pleura",
            Self::Eager => "PyTorch eager",
            Self::ChannelsLast => "PyTorch channels last",
            Self::Onnxruntime => "ONNX Runtime",
            Self::Openvino => "OpenVINO",
            Self::Zennit => "zennit, canonised",
            Self::ZennitPlain => "zennit, not canonised",
            Self::Torchvision => "torchvision",
            Self::Tract => "tract",
            Self::Candle => "candle",
            Self::Burn => "Burn flex",
            Self::Sgemm => "matrix product",
        }
    }

    /// True if the engine can do this work.
    pub(super) fn does(self, mode: Mode) -> bool {
        match self {
            Self::Pleura => true,
            Self::Eager | Self::ChannelsLast => matches!(mode, Mode::Train | Mode::Infer),
            Self::Onnxruntime => matches!(mode, Mode::Infer | Mode::Start),
            Self::Openvino | Self::Tract | Self::Candle | Self::Burn => mode == Mode::Infer,
            Self::Zennit | Self::ZennitPlain => mode == Mode::Explain,
            Self::Torchvision => matches!(mode, Mode::Film | Mode::Start),
            // The limit is one of multiply-adds, which dominate these three.
            Self::Sgemm => matches!(mode, Mode::Train | Mode::Infer | Mode::Explain),
        }
    }

    pub(super) fn reads_onnx(self) -> bool {
        matches!(self, Self::Onnxruntime | Self::Openvino | Self::Tract)
    }

    /// True for programs of the workspace `benches/peers/rust`.
    pub(super) fn is_rust(self) -> bool {
        matches!(self, Self::Tract | Self::Candle | Self::Burn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    #[test]
    fn engines_are_called_what_the_peers_script_calls_them() {
        let script = std::fs::read_to_string(workspace::root().join("benches/peers/peer.py")).unwrap();
        for engine in Engine::value_variants().iter().filter(|engine| !engine.is_rust()) {
            assert!(script.contains(&format!("\"{}\": ", engine.name())), "{engine:?}");
        }
    }

    #[test]
    fn every_kind_of_work_has_a_peer() {
        for mode in Mode::value_variants() {
            let peers = Engine::value_variants().iter().filter(|peer| peer.does(*mode));
            assert!(peers.count() > 1 || *mode == Mode::Film, "{mode:?}");
            assert!(Engine::Pleura.does(*mode));
        }
    }
}
