//! U-Nets: against PyTorch, the fast backend against the reference, the reference against finite differences,
//! bits on different numbers of threads, and files.

#![allow(clippy::unwrap_used, reason = "tests")]

mod golden;
mod nets;

use std::collections::BTreeMap;
use std::path::Path;

use golden::Summary;
use nets::{distance, films};
use pleura_nn::backend::{Backend, Real};
use pleura_nn::unet::{GreyScale, Segmenter, UNet, UNetWeights};
use pleura_nn::weights::{Array, Normalisation};
use pleura_nn::{Architecture, Cpu, Norm, Reference, Weights};
use safetensors::SafeTensors;

/// One golden file of `golden/unet/make.py`.
struct Golden {
    facts: BTreeMap<String, String>,
    tables: BTreeMap<String, Vec<Summary>>,
}

impl Golden {
    fn read(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/unet");
        let bytes = std::fs::read(folder.join(format!("{name}.safetensors"))).unwrap();
        let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
        let facts = header.metadata().as_ref().unwrap()["golden"]
            .lines()
            .map(|line| line.split_once(": ").unwrap())
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let table = |data: &[u8]| -> Vec<Summary> {
            let words = data.as_chunks().0.iter();
            let numbers: Vec<f64> = words.map(|bytes| f64::from_le_bytes(*bytes)).collect();
            numbers.chunks_exact(11).map(Summary::of).collect()
        };
        let tables = file
            .iter()
            .map(|(key, view)| (key.to_owned(), table(view.data())))
            .collect();
        Self { facts, tables }
    }

    fn number(&self, key: &str) -> usize {
        self.facts[key].parse().unwrap()
    }

    fn weights(&self) -> UNetWeights {
        let widths = self.facts["widths"]
            .split(' ')
            .map(|width| width.parse().unwrap());
        let architecture = UNet::new("golden", &widths.collect::<Vec<_>>()).unwrap();
        let regions = regions(self.number("regions"));
        let mut weights = UNetWeights::initialise(&architecture, &regions, GreyScale::default(), 0);
        for spec in architecture.parameters(regions.len()) {
            let data = golden::parameter(&spec);
            let shape = spec.shape;
            weights.tensors.insert(spec.name, Array { shape, data });
        }
        assert_eq!(weights.digest(), self.facts["weights"]);
        weights
    }

    fn by_name(&self, table: &str) -> impl Iterator<Item = (&str, &Summary)> {
        let names = self.facts[table].split(' ');
        assert_eq!(names.clone().count(), self.tables[table].len());
        names.zip(&self.tables[table])
    }
}

fn regions(count: usize) -> Vec<String> {
    (0..count).map(|region| format!("region {region}")).collect()
}

fn wide<R: Real>(values: &[R]) -> Vec<f64> {
    values.iter().map(|value| value.to_f64()).collect()
}

fn agrees_with_torch<B: Backend>(backend: B, name: &str, tolerance: f64, of_gradients: f64) {
    let expected = Golden::read(name);
    let (batch, side) = (expected.number("batch"), expected.number("side"));
    let grey = golden::input(batch, side);
    let mut network = Segmenter::new(backend, &expected.weights()).unwrap();
    let check = |what: &str, row: usize, found: &[B::Real]| {
        let error = expected.tables["logits"][row].error(what, &wide(found));
        // The last logits follow a step along the gradients.
        let tolerance = if what == "after" { of_gradients } else { tolerance };
        assert!(error < tolerance, "{name}: logits, {what}: {error:e}");
    };
    check("running", 0, &network.infer(&grey, batch, side).unwrap());
    let (logits, _) = network.forward(&grey, batch, side, Norm::Running).unwrap();
    check("running", 0, &logits);
    let (logits, trace) = network.forward(&grey, batch, side, Norm::Batch).unwrap();
    check("batch", 1, &logits);
    let word = golden::bits("up");
    let up: Vec<B::Real> = (1..=logits.len() as u64)
        .map(|place| B::Real::from_f64((word(place) >> 40) as f64 / f64::from(1 << 24) - 0.5))
        .collect();
    let mut gradients = network.gradients();
    network.backward(&trace, &up, &mut gradients).unwrap();
    network.update_running(&trace, 0.1).unwrap();
    let place: BTreeMap<String, usize> = network
        .parameters()
        .iter()
        .enumerate()
        .map(|(place, spec)| (spec.name.clone(), place))
        .collect();
    for (tensor, summary) in expected.by_name("gradients") {
        let values = network.backend().download(&gradients.tensors()[place[tensor]]);
        let error = summary.error(tensor, &wide(&values));
        assert!(error < of_gradients, "{name}: gradient of {tensor}: {error:e}");
    }
    for (tensor, summary) in expected.by_name("statistics") {
        let values = network.backend().download(&network.values()[place[tensor]]);
        let error = summary.error(tensor, &wide(&values));
        assert!(error < tolerance, "{name}: {tensor}: {error:e}");
    }
    let specs = network.parameters().to_vec();
    let trained = specs.iter().filter(|spec| spec.kind.trainable()).count();
    assert_eq!(trained, expected.tables["gradients"].len());
    assert_eq!(specs.len() - trained, expected.tables["statistics"].len());
    for spec in specs.iter().filter(|spec| spec.kind.trainable()) {
        let place = place[&spec.name];
        let gradient = network.backend().download(&gradients.tensors()[place]);
        let mut values = network.backend().download(&network.values()[place]);
        for (value, gradient) in values.iter_mut().zip(gradient) {
            *value = *value - B::Real::from_f64(1e-3) * gradient;
        }
        let moved = network.backend().upload(&values);
        network.values_mut()[place] = moved;
    }
    check("after", 2, &network.infer(&grey, batch, side).unwrap());
}

#[test]
fn passes_and_a_step_are_those_of_torch() {
    for name in ["tiny", "two", "small"] {
        // The momentum is 0.1 as f32, torch's as f64: 1.5e-8 apart.
        agrees_with_torch(Reference, name, 1e-7, 1e-7);
        // In the large case an input of a ReLU is closer to 0 than f32 can tell: on some processors its slope is
        // the other one, and every gradient before it moves by some percent.
        let of_gradients = if name == "small" { 0.15 } else { 1e-3 };
        agrees_with_torch(Cpu::new(), name, 1e-3, of_gradients);
    }
}

/// Small networks with awkward widths and sides, and their numbers of regions.
fn networks() -> Vec<(UNet, usize, usize)> {
    [(&[3, 5, 4][..], 12, 2), (&[4, 6], 18, 1), (&[9, 17, 2, 8], 40, 3)]
        .into_iter()
        .map(|(widths, size, regions)| (UNet::new("odd", widths).unwrap(), size, regions))
        .collect()
}

fn weights(architecture: &UNet, count: usize, seed: u64) -> UNetWeights {
    let mut weights = UNetWeights::initialise(architecture, &regions(count), GreyScale::default(), seed);
    for (number, (name, array)) in weights.tensors.iter_mut().enumerate() {
        let random = films(array.data.len(), 1, seed + 31 * number as u64);
        for (value, random) in array.data.iter_mut().zip(random) {
            if name.ends_with("running_var") {
                *value = 0.5 + random;
            } else if name.ends_with("running_mean") || name.ends_with("bias") {
                *value = random - 0.5;
            } else if name.contains("norm") {
                *value = if random < 0.3 { -0.4 - random } else { 0.4 + random };
            }
        }
    }
    weights
}

#[test]
fn cpu_agrees_with_the_reference() {
    for (architecture, size, regions) in networks() {
        for norm in [Norm::Batch, Norm::Running] {
            let weights = weights(&architecture, regions, 7);
            // Where an input of a ReLU is closer to 0 than f32 can tell, its slope may be the other one and gradients
            // differ by some percent. That is rare: of three sets of films one has none.
            let errors = [3, 4, 5].map(|seed| gradient_error(&weights, size, norm, seed));
            let least = errors.iter().copied().fold(f64::INFINITY, f64::min);
            assert!(least < 1e-3, "{} {norm:?}: {errors:?}", architecture.name());
        }
    }
}

/// The largest error of a gradient of the fast backend, relative to the largest entry of its tensor.
fn gradient_error(weights: &UNetWeights, size: usize, norm: Norm, seed: u64) -> f64 {
    let (batch, regions) = (3, weights.regions.len());
    let grey = films(batch, size, seed);
    let fast = Segmenter::new(Cpu::new(), weights).unwrap();
    let slow = Segmenter::new(Reference, weights).unwrap();
    let (fast_logits, fast_trace) = fast.forward(&grey, batch, size, norm).unwrap();
    let (slow_logits, slow_trace) = slow.forward(&grey, batch, size, norm).unwrap();
    let error = distance(&fast_logits, &slow_logits);
    assert!(error < 1e-5, "{norm:?}: {error:e}");
    let up: Vec<f32> = films(batch * regions, size, 11).iter().map(|v| v - 0.5).collect();
    let (mut found, mut expected) = (fast.gradients(), slow.gradients());
    fast.backward(&fast_trace, &up, &mut found).unwrap();
    slow.backward(&slow_trace, &wide(&up), &mut expected).unwrap();
    assert!(fast.backward(&fast_trace, &up[1..], &mut found).is_err());
    let tensors = found.tensors().iter().zip(expected.tensors());
    tensors
        .map(|(found, expected)| distance(found, expected))
        .fold(0.0, f64::max)
}

#[test]
fn gradients_are_the_slopes_of_the_loss() {
    for (architecture, size, regions) in networks() {
        for norm in [Norm::Batch, Norm::Running] {
            let batch = 2;
            let grey = films(batch, size, 9);
            let mut network = Segmenter::new(Reference, &weights(&architecture, regions, 5)).unwrap();
            let up = films(batch * regions, size, 2);
            let up: Vec<f64> = up.iter().map(|&v| f64::from(v) - 0.4).collect();
            let (_, trace) = network.forward(&grey, batch, size, norm).unwrap();
            let mut gradients = network.gradients();
            network.backward(&trace, &up, &mut gradients).unwrap();
            for (index, spec) in network.parameters().to_vec().iter().enumerate() {
                if !spec.kind.trainable() {
                    continue;
                }
                let gradient = &gradients.tensors()[index];
                let scale = gradient.iter().fold(1e-3, |scale: f64, g| scale.max(g.abs()));
                let place = spec.elements() / 2;
                let slope = |network: &mut Segmenter<Reference>, step: f64| {
                    let mut at = |by: f64| {
                        network.values_mut()[index][place] += by;
                        let (logits, _) = network.forward(&grey, batch, size, norm).unwrap();
                        network.values_mut()[index][place] -= by;
                        logits.iter().zip(&up).map(|(l, u)| l * u).sum::<f64>()
                    };
                    (at(step) - at(-step)) / (2.0 * step)
                };
                // A step that crosses a kink of ReLU is tried again smaller.
                let error = [1e-5, 1e-6, 1e-7]
                    .into_iter()
                    .map(|step| (slope(&mut network, step) - gradient[place]).abs() / scale)
                    .fold(f64::INFINITY, f64::min);
                assert!(error < 2e-5, "{norm:?} {}[{place}]: {error:e}", spec.name);
            }
        }
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    let (architecture, size, regions) = networks().remove(2);
    let weights = weights(&architecture, regions, 1);
    let grey = films(5, size, 2);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let mut network = Segmenter::new(Cpu::new(), &weights).unwrap();
            let (logits, trace) = network.forward(&grey, 5, size, Norm::Batch).unwrap();
            let mut gradients = network.gradients();
            network.backward(&trace, &logits, &mut gradients).unwrap();
            network.update_running(&trace, 0.1).unwrap();
            let answers = network.infer(&grey, 5, size).unwrap();
            let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            let gradients: Vec<Vec<u32>> = gradients.tensors().iter().map(|tensor| bits(tensor)).collect();
            (bits(&logits), gradients, bits(&answers))
        })
    };
    let one = run(1);
    for threads in [2, 3] {
        assert!(one == run(threads), "{threads} threads");
    }
}

#[test]
fn a_film_is_answered_alike_alone_and_in_a_batch() {
    let (architecture, size, regions) = networks().remove(0);
    let network = Segmenter::new(Cpu::new(), &weights(&architecture, regions, 1)).unwrap();
    let grey = films(4, size, 2);
    let together = network.infer(&grey, 4, size).unwrap();
    let alone: Vec<f32> = grey
        .chunks_exact(size * size)
        .flat_map(|film| network.infer(film, 1, size).unwrap())
        .collect();
    assert_eq!(together, alone);
    assert!(network.infer(&grey, 3, size).is_err() && network.infer(&[], 0, size).is_err());
    let message = network.infer(&films(1, 13, 2), 1, 13).unwrap_err().to_string();
    assert!(message.contains("13×13"), "{message}");
}

#[test]
fn files_come_back_and_others_are_refused() {
    let (architecture, _, regions) = networks().remove(0);
    let weights = weights(&architecture, regions, 1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lungs.safetensors");
    weights.write(&path).unwrap();
    assert_eq!(UNetWeights::read(&path).unwrap(), weights);
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(weights.to_bytes().unwrap(), bytes);

    // A segmentation network where a classifier is expected, and the other way round.
    let message = Weights::read(&path).unwrap_err().to_string();
    assert!(
        message.contains("segmentation network odd, expected a classifier"),
        "{message}"
    );
    let small = Architecture::by_name("small").unwrap();
    let classifier = Weights::initialise(&small, &["x".to_owned()], Normalisation::NONE, 0);
    let other = folder.path().join("small.safetensors");
    classifier.write(&other).unwrap();
    let message = UNetWeights::read(&other).unwrap_err().to_string();
    assert!(
        message.contains("classifier small, expected a segmentation network"),
        "{message}"
    );

    // Damage.
    for place in [9, bytes.len() / 2, bytes.len() - 1] {
        let mut damaged = bytes.clone();
        damaged[place] ^= 0x11;
        assert!(UNetWeights::from_bytes(&damaged, "x").is_err(), "{place}");
    }
    for length in [0, 7, 8, 100, bytes.len() - 4] {
        assert!(
            UNetWeights::from_bytes(&bytes[..length], "x").is_err(),
            "{length}"
        );
    }
    let mut wrong = weights.clone();
    wrong.tensors.remove("head.conv.bias");
    let message = wrong.to_bytes().unwrap_err().to_string();
    assert!(message.contains("missing head.conv.bias"), "{message}");
    let mut wrong = weights.clone();
    wrong.tensors.get_mut("head.conv.bias").unwrap().data[0] = f32::NAN;
    assert!(wrong.check().is_err());
    let mut wrong = weights.clone();
    wrong.regions[1] = wrong.regions[0].clone();
    assert!(wrong.check().is_err());
    let mut wrong = weights;
    wrong.grey.std = 0.0;
    assert!(wrong.check().is_err());
}
