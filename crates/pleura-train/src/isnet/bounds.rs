//! C1 and C2 measured: the range of the sum of absolute relevance inside the lungs without a heatmap loss.

use std::{ops::ControlFlow, path::Path};

use pleura_data::{ImageSource, Loader};
use pleura_manifest::order::shuffled;
use pleura_nn::{Cpu, Network, Norm, Weights};
use pleura_run::{HeatmapBounds, MeasuredRelevance, recipe::Isnet};

use super::{ForwardPass, Masks, loss::inside};
use crate::{error::Error, plan::StagePlan};

/// The most films that are measured.
const FILMS: usize = 1024;

/// Measures the training films with running statistics and without augmentation. Calls `progress(done, of)`;
/// returns `None` if it breaks.
///
/// C1 = max(m/5, m − 3s) and C2 = min(25 C1, m + 3s), as in the `ISNet` authors' public program; the usual 1
/// and 25 follow the same rule.
pub(crate) fn measure(
    plan: &StagePlan,
    isnet: &Isnet,
    masks: &Masks,
    (plain, pictures): (&Path, &ImageSource),
    progress: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
) -> Result<Option<HeatmapBounds>, Error> {
    let weights = Weights::read(plain)?;
    if weights.findings != plan.findings {
        return Err(Error::Start {
            stage: plan.stage.name.clone(),
            weights: plain.to_owned(),
            problem: format!(
                "isnet.plain: the findings of these weights are {:?}, those of the stage are {:?}; C1 and C2 are measured on the stage's own outputs",
                weights.findings, plan.findings
            ),
        });
    }
    let network = Network::new(Cpu::new(), &weights)?;
    let mut rows = shuffled(&plan.train, plan.seed, 0);
    rows.truncate(FILMS);
    let of = rows.len();
    let mut sums = Vec::with_capacity(of);
    for batch in Loader::epoch(
        plan.manifest.clone(),
        pictures,
        rows,
        plan.stage.batch,
        0,
        None,
        0,
        0,
    ) {
        let batch = batch?;
        let films = batch.rows.len();
        let (logits, trace) = network.forward(&batch.grey, films, pictures.size(), Norm::Running)?;
        let found = masks.of(&plan.manifest, (&batch.rows, &batch.repeats), None);
        let passed = ForwardPass {
            network: &network,
            trace: &trace,
            logits: &logits,
            masks: &found,
        };
        let starts = passed.starts(isnet, plan.stage.kind);
        let mut here = vec![0.0; films];
        for start in &starts {
            let maps = network
                .flex(&trace, &start.coefficients, isnet.epsilon)?
                .heatmaps(&network);
            for ((sum, map), mask) in here.iter_mut().zip(maps.chunks_exact(masks.pixels())).zip(&found) {
                *sum += inside(map, mask) / starts.len() as f64;
            }
        }
        sums.extend(here);
        if progress(sums.len(), of).is_break() {
            return Ok(None);
        }
    }
    let (mean, deviation) = moments(&sums);
    let c1 = six_digits((mean / 5.0).max(mean - 3.0 * deviation));
    let c2 = six_digits((25.0 * c1).min(mean + 3.0 * deviation).max(c1));
    if !(c1.is_finite() && c1 > 0.0) {
        return Err(Error::Start {
            stage: plan.stage.name.clone(),
            weights: plain.to_owned(),
            problem: format!(
                "isnet.plain: the relevance inside the lungs sums to {mean} ± {deviation}, expected a number above 0; train the plain \
                 network longer, or give C1 and C2"
            ),
        });
    }
    Ok(Some(HeatmapBounds {
        c1,
        c2,
        masks: masks.digest.clone(),
        measured: Some(MeasuredRelevance {
            weights: weights.digest(),
            films: of,
            mean,
            deviation,
        }),
    }))
}

/// Mean and standard deviation of a sample.
fn moments(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count.max(1.0);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (count - 1.0).max(1.0)).sqrt())
}

/// A short decimal that reads back to the same bits.
fn six_digits(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_read_back_with_all_their_bits() {
        for value in [3.234_567_89, 1e-7 / 3.0, 12_345.678_9] {
            let bounds = HeatmapBounds {
                c1: six_digits(value),
                c2: six_digits(25.0 * value),
                masks: String::new(),
                measured: None,
            };
            let text = serde_json::to_string(&bounds).unwrap();
            assert_eq!(
                serde_json::from_str::<HeatmapBounds>(&text).unwrap(),
                bounds,
                "{text}"
            );
            assert!((bounds.c1 / value - 1.0).abs() < 1e-5);
        }
    }

    #[test]
    fn moments_of_a_sample() {
        let (mean, deviation) = moments(&[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(mean, 2.5);
        assert!((deviation - (5.0_f64 / 3.0).sqrt()).abs() < 1e-12);
    }
}
