//! The answers that an exported graph must give: films, and our own logits, probabilities and heatmaps of
//! them.

use std::path::PathBuf;

use pleura_core::fs::write_atomic;
use pleura_explain::{Composite, Start, explain};
use pleura_film::{DecodeOptions, Preparation};
use pleura_nn::Network;
use pleura_nn::backend::{Backend, Real};
use pleura_onnx::{Batch, HEATMAPS, INPUT, LOGITS, PROBABILITIES, tensor};

use super::TestData;
use crate::explain::Engine;
use crate::{Classifier, Error};

/// Films of noise for a graph that takes any number.
const NOISE_FILMS: usize = 2;

/// Prepared films, `[size, size]` each: those of the paths, or noise.
pub(super) fn films(
    paths: &[PathBuf],
    preparation: &Preparation,
    batch: Batch,
) -> Result<Vec<Vec<f32>>, Error> {
    if let (Batch::Fixed(films), false) = (batch, paths.is_empty())
        && films != paths.len()
    {
        return Err(Error::TestFilms {
            batch: films,
            films: paths.len(),
        });
    }
    if paths.is_empty() {
        let films = match batch {
            Batch::Fixed(films) => films,
            Batch::Dynamic => NOISE_FILMS,
        };
        return Ok((0..films).map(|number| noise(number, preparation.size)).collect());
    }
    let read = paths.iter().map(|path| {
        let film = pleura_film::open(path, &DecodeOptions::default())?;
        Ok(pleura_film::prepare(&film, preparation).unit_grey())
    });
    read.collect()
}

/// Grey in 0 to 1: slow waves under noise, so that neither large nor small windows see all the same.
fn noise(number: usize, size: usize) -> Vec<f32> {
    let mut state = number as u32 + 1;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32
    };
    let wave = |place: usize| (place % 64).abs_diff(32) as f32 / 32.0;
    (0..size * size)
        .map(|place| {
            let (row, column) = (place / size, place % size);
            (wave(row + 7 * number) + wave(2 * column)) / 4.0 + next() / 2.0
        })
        .collect()
}

/// Our own answers, film after film.
struct Answers {
    /// `[films, findings]`.
    logits: Vec<f64>,
    /// `[films, questions, size, size]`.
    heatmaps: Vec<f32>,
}

fn answers<B: Backend>(
    network: &Network<B>,
    films: &[Vec<f32>],
    size: usize,
    composite: Option<&Composite>,
    starts: &[Start],
) -> Result<Answers, Error> {
    let (mut logits, mut heatmaps) = (Vec::new(), Vec::new());
    for film in films {
        match composite {
            None => {
                let answer = network.infer(film, 1, size).map_err(Error::Inference)?;
                logits.extend(answer.into_iter().map(Real::to_f64));
            }
            Some(composite) => {
                let explanation = explain(network, film, size, composite, starts)?;
                logits.extend(explanation.logits);
                heatmaps.extend(explanation.maps.into_iter().flat_map(|map| map.heatmap));
            }
        }
    }
    Ok(Answers { logits, heatmaps })
}

/// Writes input and outputs, in the order of the graph's.
pub(super) fn write(
    model: &Classifier,
    data: &TestData,
    films: &[Vec<f32>],
    composite: Option<&Composite>,
    starts: &[Start],
) -> Result<(), Error> {
    let size = model.preparation().size;
    let outputs = model.findings().len();
    let Answers { logits, heatmaps } = match Engine::new(model, data.exact)? {
        Engine::Fast(network) => answers(network, films, size, composite, starts)?,
        Engine::Exact(network) => answers(&network, films, size, composite, starts)?,
    };
    let probabilities = model.task().probabilities(&logits, outputs);
    let single = |values: &[f64]| -> Vec<f32> { values.iter().map(|&value| value as f32).collect() };
    let count = films.len();
    let shape = [count, outputs];
    let mut files = vec![
        ("input_0", tensor(INPUT, &[count, 1, size, size], &films.concat())),
        ("output_0", tensor(LOGITS, &shape, &single(&logits))),
        ("output_1", tensor(PROBABILITIES, &shape, &single(&probabilities))),
    ];
    if composite.is_some() {
        let shape = [count, starts.len(), size, size];
        files.push(("output_2", tensor(HEATMAPS, &shape, &heatmaps)));
    }
    for (name, bytes) in files {
        write_atomic(&data.folder.join(name).with_extension("pb"), &bytes)?;
    }
    Ok(())
}
