//! The layers that distribute relevance, with their names.

use crate::architecture::Architecture;

pub(crate) const FIRST: &str = "features.conv0";
pub(crate) const LINEAR: &str = "classifier";
pub(crate) const NORM: &str = "features.pool0";
/// The end of the names of average pools.
pub(crate) const POOL: &str = "pool";

/// The kinds of layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerKind {
    /// A convolution.
    Convolution,
    /// The head's linear layer.
    Linear,
    /// An average pool.
    Pool,
    /// The norms that read the output of the stem's pool.
    Norm,
}

/// A layer that can have its own rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// torchvision's name, as in ledgers.
    pub name: String,
    /// Its kind.
    pub kind: LayerKind,
    /// Its position: `first` (the first convolution), `stem`, `block1`, `transition1`, …, `head`.
    pub position: String,
}

/// All layers that distribute relevance, from the head down.
pub fn layers(architecture: &Architecture) -> Vec<Layer> {
    let layer = |name: String, kind, position: &str| Layer {
        name,
        kind,
        position: position.to_owned(),
    };
    let mut all = vec![
        layer(LINEAR.to_owned(), LayerKind::Linear, "head"),
        layer(POOL.to_owned(), LayerKind::Pool, "head"),
    ];
    for (before, &count) in architecture.blocks().iter().enumerate().rev() {
        let position = format!("block{}", before + 1);
        for number in (1..=count).rev() {
            for convolution in ["conv2", "conv1"] {
                let name = format!("features.dense{position}.denselayer{number}.{convolution}");
                all.push(layer(name, LayerKind::Convolution, &position));
            }
        }
        if before > 0 {
            let position = format!("transition{before}");
            let pool = format!("features.{position}.{POOL}");
            all.push(layer(pool, LayerKind::Pool, &position));
            let name = format!("features.{position}.conv");
            all.push(layer(name, LayerKind::Convolution, &position));
        }
    }
    all.push(layer(NORM.to_owned(), LayerKind::Norm, "stem"));
    all.push(layer(FIRST.to_owned(), LayerKind::Convolution, "first"));
    all
}
