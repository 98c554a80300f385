//! What an exported graph shall answer: films, and our own logits, probabilities and heatmaps of them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use pleura::Classifier;
use pleura_core::fs::write_atomic;
use pleura_explain::{Composite, Start, explain};
use pleura_film::{DecodeOptions, Preparation};
use pleura_nn::backend::{Backend, Real};
use pleura_nn::{Network, Reference};
use pleura_onnx::{Batch, HEATMAPS, INPUT, LOGITS, PROBABILITIES, tensor};

/// Films of noise for a graph that takes any number.
const NOISE_FILMS: usize = 2;

/// Prepared films, `[size, size]` each: those of the paths, or noise.
pub(super) fn films(paths: &[PathBuf], preparation: &Preparation, batch: Batch) -> Result<Vec<Vec<f32>>> {
    if let (Batch::Fixed(films), false) = (batch, paths.is_empty())
        && films != paths.len()
    {
        bail!(
            "the graph takes {films} films at once and --film gives {}; give as many, or leave --batch out",
            paths.len()
        );
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
) -> Result<Answers> {
    let (mut logits, mut heatmaps) = (Vec::new(), Vec::new());
    for film in films {
        match composite {
            None => logits.extend(network.infer(film, 1, size)?.into_iter().map(Real::to_f64)),
            Some(composite) => {
                let explanation = explain(network, film, size, composite, starts)?;
                logits.extend(explanation.logits);
                heatmaps.extend(explanation.maps.into_iter().flat_map(|map| map.heatmap));
            }
        }
    }
    Ok(Answers { logits, heatmaps })
}

/// Writes input and outputs, in the order of the graph's; with `exact` in double precision.
pub(super) fn write(
    folder: &Path,
    model: &Classifier,
    films: &[Vec<f32>],
    (composite, starts): (Option<&Composite>, &[Start]),
    exact: bool,
) -> Result<()> {
    let size = model.preparation().size;
    let outputs = model.findings().len();
    let Answers { logits, heatmaps } = if exact {
        let network = Network::new(Reference, model.weights())?;
        answers(&network, films, size, composite, starts)?
    } else {
        answers(model.network()?, films, size, composite, starts)?
    };
    let probabilities = model.task().probabilities(&logits, outputs);
    let single = |values: &[f64]| -> Vec<f32> { values.iter().map(|&value| value as f32).collect() };
    let count = films.len();
    let answers = [count, outputs];
    let mut files = vec![
        ("input_0", tensor(INPUT, &[count, 1, size, size], &films.concat())),
        ("output_0", tensor(LOGITS, &answers, &single(&logits))),
        (
            "output_1",
            tensor(PROBABILITIES, &answers, &single(&probabilities)),
        ),
    ];
    if composite.is_some() {
        let shape = [count, starts.len(), size, size];
        files.push(("output_2", tensor(HEATMAPS, &shape, &heatmaps)));
    }
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{}: cannot make the folder", folder.display()))?;
    for (name, bytes) in files {
        write_atomic(&folder.join(name).with_extension("pb"), &bytes)?;
    }
    Ok(())
}
