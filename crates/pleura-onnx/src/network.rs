//! The forward pass as a graph, with the values that a heatmap needs.

use std::ops::Range;

use pleura_nn::architecture::{Stem, Window};
use pleura_nn::backend::NORM_EPSILON;
use pleura_nn::{Architecture, Weights};

use crate::builder::{Builder, Value};
use crate::model::Attribute;

/// A norm with running statistics, as merged by its reader: `scale · x + shift`.
pub(crate) struct Norm {
    pub(crate) scale: Vec<f32>,
    pub(crate) shift: Vec<f32>,
}

impl Norm {
    pub(crate) fn rows(&self, rows: Range<usize>) -> Norm {
        Norm {
            scale: self.scale[rows.clone()].to_vec(),
            shift: self.shift[rows].to_vec(),
        }
    }
}

/// A norm over a map, with its output after the `ReLU`.
pub(crate) struct Reader {
    pub(crate) norm: Norm,
    /// Input of the norm.
    pub(crate) map: Value,
    /// Output after the `ReLU`.
    pub(crate) active: Value,
}

/// The first convolution with its norm, and the pool.
pub(crate) struct StemValues {
    /// Films as given, `[batch, 1, size, size]`.
    pub(crate) films: Value,
    /// Normalised films, `[batch, 3, size, size]`.
    pub(crate) input: Value,
    pub(crate) weights: Value,
    pub(crate) reader: Reader,
    /// The first rows of the first block.
    pub(crate) pooled: Value,
}

pub(crate) struct LayerValues {
    pub(crate) reader1: Reader,
    pub(crate) conv1: Value,
    pub(crate) reader2: Reader,
    pub(crate) conv2: Value,
    /// The rows it writes.
    pub(crate) new: Value,
}

pub(crate) struct TransitionValues {
    /// The 1×1 convolution's weights.
    pub(crate) conv: Value,
    /// Its output before the pool.
    pub(crate) convolved: Value,
}

pub(crate) struct BlockValues {
    pub(crate) layers: Vec<LayerValues>,
    /// The norm after the block, and its output.
    pub(crate) last: Reader,
    /// The transition before the block; `None` for the first block, which follows the stem.
    pub(crate) front: Option<TransitionValues>,
    /// The rows that enter the block.
    pub(crate) handed: Value,
}

pub(crate) struct Forward {
    pub(crate) stem: StemValues,
    pub(crate) blocks: Vec<BlockValues>,
    /// `[batch, features, 1, 1]`.
    pub(crate) features: Value,
    /// `[outputs, features]`.
    pub(crate) head: Value,
    /// `[batch, outputs]`.
    pub(crate) logits: Value,
}

/// Writes a network's layers to a graph.
pub(crate) struct Writer<'g, 'w> {
    pub(crate) graph: &'g mut Builder<'w>,
    pub(crate) weights: &'w Weights,
    /// True if a heatmap follows: transitions then convolve before they pool, as the relevance pass needs it.
    pub(crate) explained: bool,
}

impl<'w> Writer<'_, 'w> {
    pub(crate) fn architecture(&self) -> &'w Architecture {
        &self.weights.architecture
    }

    /// From films, `[batch, 1, size, size]` in 0 to 1, to logits.
    pub(crate) fn forward(&mut self, films: &Value) -> Forward {
        let stem = self.stem(films);
        let mut map = stem.pooled.clone();
        let mut front = None;
        let mut blocks = Vec::new();
        let count = self.architecture().blocks().len();
        for (number, &layers) in self.architecture().blocks().iter().enumerate() {
            let (handed, mut list) = (map.clone(), Vec::new());
            for layer in 0..layers {
                let name = format!("features.denseblock{}.denselayer{}", number + 1, layer + 1);
                let layer = self.layer(&name, &map);
                map = self.graph.concat(&format!("{name}.map"), &[&map, &layer.new]);
                list.push(layer);
            }
            let after = if number + 1 < count {
                format!("features.transition{}", number + 1)
            } else {
                // torchvision calls the last norm norm5 for any number of blocks.
                "features.norm5".to_owned()
            };
            let norm = if number + 1 < count {
                format!("{after}.norm")
            } else {
                after.clone()
            };
            let last = self.reader(&norm, &map);
            let next = (number + 1 < count).then(|| self.transition(&after, &last.active, &mut map));
            blocks.push(BlockValues {
                layers: list,
                last,
                front: front.take(),
                handed,
            });
            front = next;
        }
        let features = &blocks[count - 1].last.active;
        let features = self.graph.plain("features", "GlobalAveragePool", &[features]);
        let flat = self.graph.node(
            "features.flat",
            "Flatten",
            &[&features],
            vec![("axis", Attribute::Int(1))],
        );
        let head = self.parameter("classifier.weight");
        let bias = self.parameter("classifier.bias");
        let transposed = vec![("transB", Attribute::Int(1))];
        let logits = self
            .graph
            .node("logits", "Gemm", &[&flat, &head, &bias], transposed);
        Forward {
            stem,
            blocks,
            features,
            head,
            logits,
        }
    }

    fn stem(&mut self, films: &Value) -> StemValues {
        let normalisation = self.weights.normalisation;
        let mean = self
            .graph
            .by_channel("normalisation.mean", normalisation.mean.to_vec());
        let std = self
            .graph
            .by_channel("normalisation.std", normalisation.std.to_vec());
        let input = self.graph.plain("normalisation.centred", "Sub", &[films, &mean]);
        let input = self.graph.plain("normalisation", "Div", &[&input, &std]);
        let Stem {
            convolution, pool, ..
        } = *self.architecture().stem();
        let weights = self.parameter("features.conv0.weight");
        let inputs = [&input, &weights];
        let convolved = self
            .graph
            .conv("features.conv0", "Conv", &inputs, window(convolution), Vec::new());
        let reader = self.reader("features.norm0", &convolved);
        let pooled = match pool {
            None => reader.active.clone(),
            Some(pool) => {
                let inputs = [&reader.active];
                self.graph
                    .conv("features.pool0", "MaxPool", &inputs, window(pool), Vec::new())
            }
        };
        StemValues {
            films: films.clone(),
            input,
            weights,
            reader,
            pooled,
        }
    }

    fn layer(&mut self, name: &str, map: &Value) -> LayerValues {
        let reader1 = self.reader(&format!("{name}.norm1"), map);
        let conv1 = self.parameter(&format!("{name}.conv1.weight"));
        let inputs = [&reader1.active, &conv1];
        let bottleneck = self
            .graph
            .conv(&format!("{name}.conv1"), "Conv", &inputs, (1, 1, 0), Vec::new());
        let reader2 = self.reader(&format!("{name}.norm2"), &bottleneck);
        let conv2 = self.parameter(&format!("{name}.conv2.weight"));
        let inputs = [&reader2.active, &conv2];
        let new = self
            .graph
            .conv(&format!("{name}.conv2"), "Conv", &inputs, (3, 1, 1), Vec::new());
        LayerValues {
            reader1,
            conv1,
            reader2,
            conv2,
            new,
        }
    }

    /// Convolution and pool commute; pooling first leaves a quarter of the columns to multiply.
    fn transition(&mut self, name: &str, active: &Value, map: &mut Value) -> TransitionValues {
        let conv = self.parameter(&format!("{name}.conv.weight"));
        let (at_conv, at_pool) = (format!("{name}.conv"), format!("{name}.pool"));
        let square = (2, 2, 0);
        let convolved;
        if self.explained {
            let inputs = [active, &conv];
            convolved = self.graph.conv(&at_conv, "Conv", &inputs, (1, 1, 0), Vec::new());
            *map = self
                .graph
                .conv(&at_pool, "AveragePool", &[&convolved], square, Vec::new());
        } else {
            let pooled = self
                .graph
                .conv(&at_pool, "AveragePool", &[active], square, Vec::new());
            let inputs = [&pooled, &conv];
            convolved = self.graph.conv(&at_conv, "Conv", &inputs, (1, 1, 0), Vec::new());
            *map = convolved.clone();
        }
        TransitionValues { conv, convolved }
    }

    fn reader(&mut self, name: &str, map: &Value) -> Reader {
        let of = |suffix: &str| format!("{name}.{suffix}");
        let parameters = ["weight", "bias", "running_mean", "running_var"];
        let [gamma, beta, mean, variance] = parameters.map(|suffix| &self.weights.tensors[&of(suffix)].data);
        let (mut scale, mut shift) = (Vec::new(), Vec::new());
        for (((gamma, beta), mean), variance) in gamma.iter().zip(beta).zip(mean).zip(variance) {
            let factor = f64::from(*gamma) / (f64::from(*variance) + NORM_EPSILON).sqrt();
            scale.push(factor as f32);
            shift.push((f64::from(*beta) - f64::from(*mean) * factor) as f32);
        }
        let [gamma, beta, mean, variance] = parameters.map(|suffix| self.parameter(&of(suffix)));
        let epsilon = vec![("epsilon", Attribute::Float(NORM_EPSILON as f32))];
        let inputs = [map, &gamma, &beta, &mean, &variance];
        let z = self.graph.node(name, "BatchNormalization", &inputs, epsilon);
        let active = self.graph.plain(&of("relu"), "Relu", &[&z]);
        Reader {
            norm: Norm { scale, shift },
            map: map.clone(),
            active,
        }
    }

    fn parameter(&mut self, name: &str) -> Value {
        let array = &self.weights.tensors[name];
        self.graph.borrowed(name, &array.shape, &array.data)
    }
}

/// Arguments of [`Builder::conv`].
pub(crate) fn window(window: Window) -> (usize, usize, usize) {
    (window.kernel, window.stride, window.padding)
}
