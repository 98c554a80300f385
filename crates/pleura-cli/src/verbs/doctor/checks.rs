//! The self-test: computations with known results.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use pleura_film::{DecodeOptions, Film, Preparation, grey_png_16};
use pleura_nn::backend::{Backend, Real};
use pleura_nn::weights::Normalisation;
use pleura_nn::{Architecture, Cpu, Network, Norm, Reference, Scope, Weights};
use serde::Serialize;

/// A check and its result.
#[derive(Serialize)]
pub struct Check {
    /// Name of the check.
    pub name: &'static str,
    /// True if the result was correct.
    pub passed: bool,
    /// The result, or the error.
    pub found: String,
    /// Duration in seconds.
    pub seconds: f64,
}

/// A check to run; it returns a line or an error.
pub struct Question {
    name: &'static str,
    ask: fn() -> Result<String>,
}

/// All checks; about ten seconds.
pub const ALL: &[Question] = &[
    Question {
        name: "film to PNG and back",
        ask: film_round_trip,
    },
    Question {
        name: "weights to file and back",
        ask: weights_round_trip,
    },
    Question {
        name: "engine against its f64 reference",
        ask: against_reference,
    },
    Question {
        name: "equal bits on any threads",
        ask: equal_bits,
    },
    Question {
        name: "DenseNet-121 against its reference",
        ask: densenet_against_reference,
    },
    Question {
        name: "DenseNet-121 forward",
        ask: densenet,
    },
];

impl Question {
    /// Runs the check.
    pub fn run(&self) -> Check {
        let begin = Instant::now();
        let answer = (self.ask)();
        Check {
            name: self.name,
            passed: answer.is_ok(),
            found: answer.unwrap_or_else(|error| crate::console::chain(error.as_ref()).join(": ")),
            seconds: begin.elapsed().as_secs_f64(),
        }
    }
}

const SIZE: usize = 64;
const FILMS: usize = 2;
const OUTPUTS: usize = 3;

/// A smooth film with an edge, grey levels in [0, 1], different for each number.
fn grey(number: usize, size: usize) -> Vec<f32> {
    let level = |index: usize| {
        let (x, y) = (
            (index % size) as f32 / size as f32,
            (index / size) as f32 / size as f32,
        );
        let wave = 0.5 + 0.3 * (7.0 * x + 3.0 * y + number as f32).sin();
        if x + y > 1.2 { 1.0 - wave } else { wave }
    };
    (0..size * size).map(level).collect()
}

fn films(count: usize, size: usize) -> Vec<f32> {
    (0..count).flat_map(|number| grey(number, size)).collect()
}

/// Random weights with norms different from one and zero, so that confusions of them show.
fn weights(architecture: &str, outputs: usize) -> Result<Weights> {
    let findings: Vec<String> = (0..outputs).map(|output| format!("output {output}")).collect();
    let mut weights = Weights::initialise(
        &Architecture::by_name(architecture)?,
        &findings,
        Normalisation::IMAGENET,
        1,
    );
    for (name, array) in &mut weights.tensors {
        if name.contains("norm") {
            for (index, value) in array.data.iter_mut().enumerate() {
                *value += 0.2 * ((index % 7) as f32 / 7.0 - 0.4);
            }
        }
    }
    Ok(weights)
}

/// Logits with running statistics, logits with batch statistics, and the gradient of every parameter, each as
/// a list.
fn passes<B: Backend>(backend: B) -> Result<Vec<Vec<f64>>> {
    let network = Network::new(backend, &weights("small", OUTPUTS)?)?;
    let grey = films(FILMS, SIZE);
    let numbers = |values: Vec<B::Real>| values.into_iter().map(Real::to_f64).collect::<Vec<f64>>();
    let mut all = vec![numbers(network.infer(&grey, FILMS, SIZE)?)];
    let (logits, trace) = network.forward(&grey, FILMS, SIZE, Norm::Batch)?;
    all.push(numbers(logits));
    let slope: Vec<B::Real> = (0..FILMS * OUTPUTS)
        .map(|index| B::Real::from_f64(index as f64 / 4.0 - 0.6))
        .collect();
    let mut gradients = network.gradients();
    network.backward(&trace, &slope, &Scope::all(), &mut gradients)?;
    all.extend(
        gradients
            .tensors()
            .iter()
            .map(|gradient| numbers(network.backend().download(gradient))),
    );
    Ok(all)
}

/// Greatest error relative to the greatest number of its list.
fn relative_error(found: &[Vec<f64>], expected: &[Vec<f64>]) -> f64 {
    let of_list = |(found, expected): (&Vec<f64>, &Vec<f64>)| {
        let scale = expected
            .iter()
            .fold(0.0_f64, |most, value| most.max(value.abs()))
            .max(f64::MIN_POSITIVE);
        let error = found.iter().zip(expected).fold(0.0_f64, |most, (a, b)| {
            // NaN must count as the greatest error.
            let error = (a - b).abs();
            if error.is_nan() {
                f64::INFINITY
            } else {
                most.max(error)
            }
        });
        if found.len() == expected.len() {
            error / scale
        } else {
            f64::INFINITY
        }
    };
    found.iter().zip(expected).map(of_list).fold(0.0, f64::max)
}

fn against_reference() -> Result<String> {
    let (found, expected) = (passes(Cpu::new())?, passes(Reference)?);
    let forward = relative_error(&found[..2], &expected[..2]);
    let backward = relative_error(&found[2..], &expected[2..]);
    let words = format!("greatest relative error: logits {forward:.1e}, gradients {backward:.1e}");
    ensure!(
        forward < 1e-4 && backward < 1e-3,
        "{words}; expected below 1e-4 and 1e-3"
    );
    Ok(words)
}

fn densenet_against_reference() -> Result<String> {
    fn logits<B: Backend>(backend: B) -> Result<Vec<f64>> {
        let network = Network::new(backend, &weights("densenet121", OUTPUTS)?)?;
        let logits = network.infer(&films(FILMS, SIZE), FILMS, SIZE)?;
        Ok(logits.into_iter().map(Real::to_f64).collect())
    }
    let error = relative_error(&[logits(Cpu::new())?], &[logits(Reference)?]);
    let words = format!("greatest relative error of the logits: {error:.1e}");
    ensure!(error < 1e-4, "{words}; expected below 1e-4");
    Ok(words)
}

fn equal_bits() -> Result<String> {
    let on = |threads: usize| -> Result<Vec<Vec<f64>>> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .context("cannot start threads")?;
        pool.install(|| passes(Cpu::new()))
    };
    let many = rayon::current_num_threads().max(3);
    let (one, other) = (on(1)?, on(many)?);
    let bits = |all: &[Vec<f64>]| {
        all.iter()
            .flatten()
            .map(|value| value.to_bits())
            .collect::<Vec<u64>>()
    };
    let (one, other) = (bits(&one), bits(&other));
    let differing = one.iter().zip(&other).filter(|(a, b)| a != b).count();
    ensure!(
        one.len() == other.len() && differing == 0,
        "{differing} of {} numbers differ between 1 and {many} threads",
        one.len()
    );
    Ok(format!("{} numbers are equal on 1 and {many} threads", one.len()))
}

fn densenet() -> Result<String> {
    const SIDE: usize = 224;
    const BATCH: usize = 4;
    let network = Network::new(Cpu::new(), &weights("densenet121", 15)?)?;
    let grey = films(BATCH, SIDE);
    let begin = Instant::now();
    let logits = network.infer(&grey, BATCH, SIDE)?;
    let seconds = begin.elapsed().as_secs_f64();
    ensure!(
        logits.len() == BATCH * 15 && logits.iter().all(|logit| logit.is_finite()),
        "the logits are {logits:?}"
    );
    Ok(format!(
        "{:.1} films/s ({BATCH} films of {SIDE}×{SIDE}, once)",
        BATCH as f64 / seconds
    ))
}

fn film_round_trip() -> Result<String> {
    const LEVEL: u16 = 40_000;
    let (width, height) = (301, 199);
    let levels: Vec<u16> = (0..width * height)
        .map(|index| (index * 40_503 % 65_536) as u16)
        .collect();
    let png = grey_png_16(width, height, &levels)?;
    let film = pleura_film::decode(&png, "self-test", &DecodeOptions::default())?;
    let back: Vec<u16> = film
        .grey
        .iter()
        .map(|grey| (grey * 65_535.0).round() as u16)
        .collect();
    ensure!(
        (film.width, film.height) == (width, height),
        "{}×{} instead of {width}×{height}",
        film.width,
        film.height
    );
    let wrong = back
        .iter()
        .zip(&levels)
        .filter(|(found, expected)| found != expected)
        .count();
    ensure!(
        wrong == 0 && back.len() == levels.len(),
        "{wrong} of {} pixels came back otherwise",
        levels.len()
    );
    // A uniform film must stay unchanged by the resizing of every film.
    let flat = Film::from_grey(width, height, vec![f32::from(LEVEL) / 65_535.0; width * height])?;
    let prepared = pleura_film::prepare(&flat, &Preparation::default());
    let wrong = prepared.grey.iter().filter(|level| **level != LEVEL).count();
    ensure!(
        wrong == 0,
        "{wrong} of {} pixels of a film of one grey were prepared to another",
        prepared.grey.len()
    );
    Ok(format!(
        "{width}×{height} in 16 bits, every pixel; prepared to {}×{}",
        prepared.size, prepared.size
    ))
}

fn weights_round_trip() -> Result<String> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let path = folder.path().join("weights.safetensors");
    let weights = weights("small", OUTPUTS)?;
    weights.write(&path)?;
    ensure!(
        Weights::read(&path)? == weights,
        "the weights came back otherwise"
    );
    Ok(format!("{} tensors", weights.tensors.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_measured_against_the_greatest_number() {
        let expected = [vec![1.0, -10.0], vec![0.0]];
        assert_eq!(relative_error(&[vec![1.5, -10.0], vec![0.0]], &expected), 0.05);
        assert_eq!(relative_error(&expected, &expected), 0.0);
        assert_eq!(
            relative_error(&[vec![f64::NAN, -10.0], vec![0.0]], &expected),
            f64::INFINITY
        );
        assert_eq!(relative_error(&[vec![1.0], vec![0.0]], &expected), f64::INFINITY);
    }

    #[test]
    fn an_error_fails_the_check_and_says_why() {
        let question = Question {
            name: "a question",
            ask: || anyhow::bail!("no"),
        };
        let check = question.run();
        assert!(!check.passed && check.found == "no");
    }

    #[test]
    fn norms_of_the_test_network_are_sound() {
        weights("small", OUTPUTS).unwrap().check().unwrap();
    }
}
