//! From a film's file to a network's input: decode, resize, then turn, shift and flip at once.

use std::path::PathBuf;

use anyhow::Result;
use pleura_film::{Augmentation, DecodeOptions, Preparation, Warp};
use serde_json::{Map, Value, json};

use super::{Lap, Work, clocked, noise};

/// A step makes `batch` inputs of one file, each with its own warp.
pub(super) struct Films {
    path: PathBuf,
    preparation: Preparation,
    warps: Vec<Warp>,
    /// The latest input, `[size, size]`.
    input: Vec<f32>,
}

impl Films {
    pub(super) fn new(path: PathBuf, size: usize, batch: usize) -> Self {
        let preparation = Preparation {
            size,
            ..Preparation::default()
        };
        Self {
            path,
            preparation,
            warps: warps(batch),
            input: vec![0.0; size * size],
        }
    }
}

/// One warp per film of a batch, in the ranges of the paper.
fn warps(batch: usize) -> Vec<Warp> {
    let paper = Augmentation::PAPER;
    let share = paper.translate_pixels / 224.0;
    let numbers = noise(4 * batch);
    let drawn = numbers.chunks_exact(4).map(|numbers| {
        let even = |number: f32| 2.0 * number - 1.0;
        Warp::new(
            numbers[0] < paper.flip,
            even(numbers[1]) * paper.rotate_degrees,
            [even(numbers[2]) * share, even(numbers[3]) * share],
        )
    });
    drawn.collect()
}

impl Work for Films {
    fn step(&mut self) -> Result<Lap> {
        let mut sums = [0.0; 2];
        for warp in &self.warps {
            let options = DecodeOptions::default();
            let (prepare, prepared) =
                clocked(|| pleura_film::open_prepared(&self.path, &options, &self.preparation));
            let (_, prepared) = prepared?;
            let (augment, ()) = clocked(|| warp.apply(&prepared.unit_grey(), prepared.size, &mut self.input));
            for (sum, seconds) in sums.iter_mut().zip([prepare, augment]) {
                *sum += seconds;
            }
        }
        let [prepare, augment] = sums;
        Ok(Lap {
            seconds: prepare + augment,
            parts: vec![("prepare", prepare), ("augment", augment)],
        })
    }

    fn facts(&self) -> Map<String, Value> {
        let mean = self.input.iter().map(|&grey| f64::from(grey)).sum::<f64>() / self.input.len() as f64;
        Map::from_iter([
            ("film".to_owned(), json!(self.path.display().to_string())),
            ("mean_grey".to_owned(), json!(mean)),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_reads_the_file_and_fills_the_input() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("film.png");
        let png = pleura_film::grey_png_8(40, 30, &[200; 40 * 30]).unwrap();
        std::fs::write(&path, png).unwrap();
        let mut films = Films::new(path.clone(), 32, 3);
        let lap = films.step().unwrap();
        assert_eq!(lap.parts.len(), 2);
        let bright = films
            .input
            .iter()
            .filter(|grey| (**grey - 200.0 / 255.0).abs() < 0.01);
        assert!(
            bright.count() > 32 * 32 / 2,
            "most of a turned film is where it was"
        );
        std::fs::remove_file(path).unwrap();
        assert!(films.step().is_err());
    }

    #[test]
    fn warps_differ_from_film_to_film() {
        let warps = warps(8);
        assert_eq!(warps.len(), 8);
        assert!(warps.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
