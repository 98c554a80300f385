//! What torchvision computes, to be computed again: `make.py` made the files of this folder and says how.
//!
//! ```ignore
//! mod golden;
//! let expected = golden::expected("densenet121_train_64");
//! let network = Network::new(backend, &expected.weights())?;
//! let films = expected.films();                         // grey levels, [batch, side, side]
//! … expected.gradients["features.conv0.weight"].error("features.conv0.weight", &gradient) < 1e-3
//! ```
// Each test binary uses a part of this module. In a test, a broken golden file may panic.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::{collections::BTreeMap, fs, path::Path};

use pleura_nn::{
    architecture::{Architecture, ParameterKind, ParameterSpec, Stem},
    weights::{Array, Normalisation, Weights},
};
use safetensors::{Dtype, SafeTensors};

const SAMPLES: usize = 8;

/// One golden file. Tensors are summarised in torch's layout, row-major: films outermost (`[batch, channels,
/// height, width]`).
pub struct Expected {
    pub architecture: Architecture,
    pub outputs: usize,
    pub batch: usize,
    pub side: usize,
    /// `[batch, outputs]`, from float64.
    pub logits: Vec<f64>,
    /// Error of torch's float32 logits, relative in the 2-norm.
    pub logits_error: f64,
    /// Mean cross-entropy with the softmax of the logits, against [`targets`].
    pub loss: f64,
    /// Intermediate maps, in order: `pool0`, `denseblock1`, `transition1`, …, `norm5` (before its `ReLU`).
    pub stages: Vec<(String, Summary)>,
    /// Gradient of the loss by each trainable parameter, and by `input`: the normalised `[batch, 3, side,
    /// side]`. Empty for `eval`.
    pub gradients: BTreeMap<String, Summary>,
    /// Running statistics after one pass with momentum 0.1. Empty for `eval`.
    pub running: BTreeMap<String, Summary>,
    /// Digests by `make.py` of the inputs that both sides compute.
    pub weights_digest: String,
    pub films_digest: String,
    nudges: Vec<u8>,
}

/// Norm, sum and a few entries of a tensor, from float64, and torch's own float32 error.
pub struct Summary {
    pub norm: f64,
    pub sum: f64,
    pub samples: [f64; SAMPLES],
    /// Relative in the 2-norm, of the whole tensor.
    pub torch_f32_error: f64,
}

/// The golden file of this name, as `densenet121_eval_224`.
pub fn expected(name: &str) -> Expected {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(format!("{name}.safetensors"));
    let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let facts: BTreeMap<&str, &str> = header.metadata().as_ref().unwrap()["golden"]
        .lines()
        .map(|line| line.split_once(": ").unwrap())
        .collect();
    let number = |key: &str| facts[key].parse::<usize>().unwrap();
    let numbers = |key: &str| -> Vec<f64> {
        let Ok(view) = file.tensor(key) else {
            return Vec::new();
        };
        assert_eq!(view.dtype(), Dtype::F64, "{key}");
        view.data()
            .as_chunks::<8>()
            .0
            .iter()
            .map(|bytes| f64::from_le_bytes(*bytes))
            .collect()
    };
    let table = |key: &str| -> Vec<Summary> {
        numbers(key)
            .as_chunks::<{ SAMPLES + 3 }>()
            .0
            .iter()
            .map(Summary::from_row)
            .collect()
    };
    let architecture = architecture(facts["architecture"]);
    let outputs = number("outputs");
    let names = |wanted: &dyn Fn(ParameterKind) -> bool| -> Vec<String> {
        let specs = architecture.parameters(outputs).into_iter();
        specs
            .filter(|spec| wanted(spec.kind))
            .map(|spec| spec.name)
            .collect()
    };
    let by_name = |names: Vec<String>, rows: Vec<Summary>| -> BTreeMap<String, Summary> {
        assert!(
            rows.is_empty() || rows.len() == names.len(),
            "{name}: {} rows for {} names",
            rows.len(),
            names.len()
        );
        names.into_iter().zip(rows).collect()
    };
    let mut trained = names(&ParameterKind::trainable);
    trained.push("input".to_owned());
    let stages: Vec<String> = facts["stages"].split(' ').map(str::to_owned).collect();
    let rows = table("stages");
    assert_eq!(stages.len(), rows.len());
    Expected {
        logits: numbers("logits"),
        logits_error: numbers("logits_error")[0],
        loss: numbers("loss")[0],
        stages: stages.into_iter().zip(rows).collect(),
        gradients: by_name(trained, table("gradients")),
        running: by_name(names(&|kind| !kind.trainable()), table("running")),
        weights_digest: facts["weights"].to_owned(),
        films_digest: facts["films"].to_owned(),
        nudges: file
            .tensor("nudges")
            .map(|view| view.data().to_vec())
            .unwrap_or_default(),
        batch: number("batch"),
        side: number("side"),
        outputs,
        architecture,
    }
}

impl Expected {
    /// The weights of the golden run: [`weights`], with nudged biases of norms for gradients.
    pub fn weights(&self) -> Weights {
        let mut weights = weights(&self.architecture, self.outputs);
        let mut nudges = self.nudges.iter();
        for spec in self.architecture.parameters(self.outputs) {
            if spec.kind == ParameterKind::NormBias && !self.nudges.is_empty() {
                let bias = weights.tensors.get_mut(&spec.name).unwrap();
                for (value, nudge) in bias.data.iter_mut().zip(&mut nudges) {
                    *value += f32::from(*nudge) / 128.0;
                }
            }
        }
        assert_eq!(nudges.len(), 0);
        weights
    }

    /// The films of the golden run: `[batch, side, side]`.
    pub fn films(&self) -> Vec<f32> {
        input(self.batch, self.side)
    }

    /// The class of each film.
    pub fn targets(&self) -> Vec<usize> {
        targets(self.batch, self.outputs)
    }
}

impl Summary {
    /// From one row of a golden file.
    pub fn of(row: &[f64]) -> Self {
        Self::from_row(row.first_chunk().unwrap())
    }

    fn from_row(row: &[f64; SAMPLES + 3]) -> Self {
        let mut samples = [0.0; SAMPLES];
        samples.copy_from_slice(&row[2..2 + SAMPLES]);
        Self {
            norm: row[0],
            sum: row[1],
            samples,
            torch_f32_error: row[2 + SAMPLES],
        }
    }

    /// Error of a tensor: the largest of the errors of its norm, of its samples in units of a typical entry,
    /// and of its sum.
    ///
    /// `name` is the name in the summary (it decides where samples are taken); `data` has torch's layout.
    pub fn error(&self, name: &str, data: &[f64]) -> f64 {
        let norm = data.iter().map(|value| value * value).sum::<f64>().sqrt();
        let sum: f64 = data.iter().sum();
        let entry = self.norm / (data.len() as f64).sqrt();
        let word = bits(&format!("sample {name}"));
        let places = (1..=SAMPLES as u64).map(|index| (word(index) % data.len() as u64) as usize);
        let samples = places
            .zip(self.samples)
            .map(|(place, sample)| (data[place] - sample).abs() / entry);
        let worst = samples.fold((norm - self.norm).abs() / self.norm, f64::max);
        // NaN must not count as small.
        if data.iter().all(|value| value.is_finite()) {
            worst.max((sum - self.sum).abs() / self.norm.max(self.sum.abs()))
        } else {
            f64::INFINITY
        }
    }
}

/// Largest difference, relative to the largest expected value.
pub fn relative_error(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let scale = expected
        .iter()
        .fold(0.0_f64, |scale, value| scale.max(value.abs()));
    found.iter().zip(expected).fold(0.0, |worst, (a, b)| {
        let error = (a - b).abs() / scale;
        if error.is_nan() {
            f64::INFINITY
        } else {
            error.max(worst)
        }
    })
}

/// The architecture of a golden file: one of ours, or `tiny` or `one`, which are small instances of
/// torchvision's class.
pub fn architecture(name: &str) -> Architecture {
    match name {
        "tiny" => Architecture::new(name, Stem::torchvision(6), 4, 2, &[2, 3, 2]).unwrap(),
        "one" => Architecture::new(name, Stem::torchvision(4), 3, 2, &[1, 1]).unwrap(),
        _ => Architecture::by_name(name).unwrap(),
    }
}

/// A parameter by the formula of `make.py`.
pub fn parameter(spec: &ParameterSpec) -> Vec<f32> {
    let scale = (6.0 / spec.fan_in() as f64).sqrt() as f32;
    let words = (1..=spec.elements() as u64).map(bits(&spec.name));
    let data = words.map(|word| {
        let u = (word >> 40) as f32 / (1 << 24) as f32;
        let v = 2.0 * u - 1.0;
        match spec.kind {
            ParameterKind::Weight => v * scale,
            ParameterKind::RunningVariance => u + 0.5,
            ParameterKind::RunningMean | ParameterKind::NormBias | ParameterKind::Bias => v * 0.25,
            ParameterKind::NormWeight => (u + 0.5) * if word.trailing_zeros() >= 2 { -1.0 } else { 1.0 },
        }
    });
    data.collect()
}

/// Weights by the formula of `make.py`, with `ImageNet`'s normalisation.
pub fn weights(architecture: &Architecture, outputs: usize) -> Weights {
    let tensors = architecture.parameters(outputs).into_iter().map(|spec| {
        let data = parameter(&spec);
        let shape = spec.shape;
        (spec.name, Array { shape, data })
    });
    Weights {
        architecture: architecture.clone(),
        findings: (0..outputs).map(|index| format!("finding {index}")).collect(),
        normalisation: Normalisation::IMAGENET,
        metadata: BTreeMap::new(),
        tensors: tensors.collect(),
    }
}

/// Films by the formula of `make.py`: grey levels `[batch, side, side]` in 0 to 1.
pub fn input(batch: usize, side: usize) -> Vec<f32> {
    let wave = |position: usize| (2 * (position % 128)).abs_diff(128);
    let words = bits("films");
    let mut grey = Vec::with_capacity(batch * side * side);
    for film in 0..batch {
        for y in 0..side {
            for x in 0..side {
                let noise = (words(grey.len() as u64 + 1) >> 57) as usize;
                let level =
                    wave(3 * x + 2 * y + 37 * film) + wave(5 * y + (film + 1) * x + 11 * film) + 2 * noise;
                grey.push(level as f32 / 512.0);
            }
        }
    }
    grey
}

/// Film after film, class after class.
pub fn targets(batch: usize, classes: usize) -> Vec<usize> {
    (0..batch).map(|film| film % classes).collect()
}

/// A function from positions (from 1) to 64 bits, which depend on a name: FNV-1a of the name, then
/// `SplitMix64`.
pub fn bits(name: &str) -> impl Fn(u64) -> u64 + use<> {
    let state = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |state, byte| {
        (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    move |index| {
        let x = state.wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }
}
