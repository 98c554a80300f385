//! Occlusion: the change of the answer when windows of the film are covered.

use pleura_nn::backend::{Backend, Real};

use super::{Answer, Asked, Fill, Found, value};
use crate::{Account, Error};

/// Covered films in one batch.
const TOGETHER: usize = 32;

/// The covered windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Side in map pixels; `None` for 1/14 of the map's side.
    pub side: Option<usize>,
    /// Stride; `None` for half a window.
    pub stride: Option<usize>,
    /// Fill of the windows.
    pub fill: Fill,
}

impl Windows {
    /// Side and stride for maps of this side.
    pub fn of(&self, size: usize) -> (usize, usize) {
        let side = self.side.unwrap_or_else(|| size.div_ceil(14).max(1));
        (side, self.stride.unwrap_or_else(|| (side / 2).max(1)))
    }

    pub(super) fn words(&self, size: usize) -> String {
        let (side, stride) = self.of(size);
        format!(
            "occlusion by {}, windows of {side} map pixels, {stride} apart",
            self.fill.words()
        )
    }

    /// First pixels of the windows along a side; the last window reaches the end and may be cut off there.
    fn begins(&self, size: usize) -> Vec<usize> {
        let (side, stride) = self.of(size);
        let more = size.saturating_sub(side).div_ceil(stride);
        (0..=more).map(|window| window * stride).collect()
    }
}

pub(super) fn find<B: Backend>(film: &Asked<'_, B>, windows: &Windows) -> Result<Answer, Error> {
    let size = film.size;
    let (side, stride) = windows.of(size);
    if side > size || stride > side {
        return Err(Error::Method {
            name: "occlusion".to_owned(),
            problem: format!(
                "windows of {side} map pixels, {stride} apart, do not cover a map of {size} map pixels a side; take a window of at most {size} and \
                 a stride of at most the window"
            ),
        });
    }
    let begins = windows.begins(size);
    let corners: Vec<(usize, usize)> = begins
        .iter()
        .flat_map(|&top| begins.iter().map(move |&left| (top, left)))
        .collect();
    let fill = windows.fill.film(film.grey, size);
    let logits = film.network.infer(film.grey, 1, size)?;
    let outputs = logits.len();
    let logits: Vec<f64> = logits.into_iter().map(Real::to_f64).collect();
    let mut sums = vec![vec![0.0; size * size]; film.asked.len()];
    let mut covers = vec![0.0; size * size];
    for corners in corners.chunks(TOGETHER) {
        let mut covered = film.grey.repeat(corners.len());
        for (corner, film) in corners.iter().zip(covered.chunks_exact_mut(size * size)) {
            for place in pixels(*corner, side, size) {
                film[place] = fill[place];
            }
        }
        let answers = film.network.infer(&covered, corners.len(), size)?;
        let answers: Vec<f64> = answers.into_iter().map(Real::to_f64).collect();
        for (corner, answer) in corners.iter().zip(answers.chunks_exact(outputs)) {
            for place in pixels(*corner, side, size) {
                covers[place] += 1.0;
            }
            for (sums, asked) in sums.iter_mut().zip(&film.asked) {
                let lost = value(asked, &logits) - value(asked, answer);
                for place in pixels(*corner, side, size) {
                    sums[place] += lost;
                }
            }
        }
    }
    let found = sums.into_iter().map(|sums| {
        let mean = sums
            .iter()
            .zip(&covers)
            .map(|(sum, covers)| (sum / covers) as f32);
        Found {
            heatmap: mean.collect(),
            raw: None,
            account: Account::NoShares {
                words: "What is lost where a window is covered; this does not add up.".to_owned(),
            },
        }
    });
    let found = found.collect();
    Ok((logits, found))
}

/// The pixels of a window.
fn pixels((top, left): (usize, usize), side: usize, size: usize) -> impl Iterator<Item = usize> {
    let right = (left + side).min(size);
    (top..(top + side).min(size)).flat_map(move |row| (left..right).map(move |column| row * size + column))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_cover_every_pixel_and_end_at_the_border() {
        for (size, side, stride) in [(10, 3, 2), (10, 3, 3), (9, 3, 3), (5, 5, 1), (7, 4, 1)] {
            let windows = Windows {
                side: Some(side),
                stride: Some(stride),
                fill: Fill::Black,
            };
            let mut covers = vec![0; size * size];
            let begins = windows.begins(size);
            for &top in &begins {
                for &left in &begins {
                    for place in pixels((top, left), side, size) {
                        covers[place] += 1;
                    }
                }
            }
            assert!(covers.iter().all(|&covers| covers > 0), "{size} {side} {stride}");
            assert!(begins.last().unwrap() < &size);
        }
    }
}
