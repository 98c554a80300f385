//! Random initial weights, distributed as torchvision's.

use pleura_core::rng::{self, ChaCha8Rng, Scheme};
use rand::RngExt as _;

use super::{Array, Head, Normalisation, Weights};
use crate::architecture::{Architecture, ParameterKind, ParameterSpec};

impl Weights {
    /// Random initial weights as in torchvision's `DenseNet`: convolutions Kaiming normal (σ² = 2 / fan-in),
    /// norms 1 and 0, head uniform ±1/√features with zero bias.
    ///
    /// The numbers of a tensor depend only on `seed` and its name, those of a head's row on `seed` and its
    /// finding. Findings and normalisation are checked when the weights are used or written
    /// ([`Weights::check`]).
    pub fn initialise(
        architecture: &Architecture,
        findings: &[String],
        normalisation: Normalisation,
        seed: u64,
    ) -> Self {
        let head = Head::fresh(findings, architecture.features(), seed);
        let tensors = architecture.parameters(findings.len()).into_iter().map(|spec| {
            let data = match spec.kind {
                ParameterKind::Weight if spec.group == "head" => head.weight.data.clone(),
                ParameterKind::Weight => kaiming_normal(&spec, seed),
                ParameterKind::NormWeight | ParameterKind::RunningVariance => vec![1.0; spec.elements()],
                ParameterKind::Bias | ParameterKind::NormBias | ParameterKind::RunningMean => {
                    vec![0.0; spec.elements()]
                }
            };
            (
                spec.name,
                Array {
                    shape: spec.shape,
                    data,
                },
            )
        });
        Self {
            architecture: architecture.clone(),
            findings: findings.to_vec(),
            normalisation,
            metadata: [("initialised".to_owned(), format!("seed {seed}"))].into(),
            tensors: tensors.collect(),
        }
    }
}

/// He et al., arXiv 1502.01852: keeps the variance of activations through convolution and `ReLU`.
pub(crate) fn kaiming_normal(spec: &ParameterSpec, seed: u64) -> Vec<f32> {
    let mut random = stream(seed, "tensor", &spec.name);
    let deviation = (2.0 / spec.fan_in() as f64).sqrt();
    let mut data = Vec::with_capacity(spec.elements() + 1);
    while data.len() < spec.elements() {
        // Box–Muller. libm's functions, since those of the platform may differ in the last bit. 1 − u keeps
        // the logarithm finite.
        let radius = deviation * (-2.0 * libm::log(1.0 - random.random::<f64>())).sqrt();
        let (sine, cosine) = libm::sincos(std::f64::consts::TAU * random.random::<f64>());
        data.extend([(radius * cosine) as f32, (radius * sine) as f32]);
    }
    data.truncate(spec.elements());
    data
}

/// A separate random stream for each name, so that a further tensor or neuron does not change others.
pub(super) fn stream(seed: u64, kind: &str, name: &str) -> ChaCha8Rng {
    let name = [kind.as_bytes(), name.as_bytes()];
    rng::stream(Scheme::Prefixed("pleura initialise\0"), seed, &name)
}
