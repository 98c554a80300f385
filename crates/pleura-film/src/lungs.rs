//! The lungs on a film, found by a segmentation network that is part of the program.
//!
//! A film is resized to the network's square and its histogram is equalised. The network's logits are kept in
//! that square; they are interpolated where a mask of the film, or of a prepared film, is wanted.

mod clean;
mod model;
mod region;

pub use clean::Implausible;
pub use model::{LungModel, ModelId};
pub use region::{LungRegion, Region};

use crate::film::Film;
use crate::levels::Rows;

/// The lungs of one film.
#[derive(Debug, Clone, PartialEq)]
pub struct Lungs {
    /// The side of the network's square, in pixels.
    side: usize,
    /// Logits `[side, side]`; above 0 inside the lungs. Parts that were removed are below 0.
    logits: Vec<f32>,
    measures: LungMeasures,
}

/// Measures of a lung mask, relative to the film. [`Lungs::find`] judges them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LungMeasures {
    /// Share of the film's area.
    pub area: f64,
    /// Connected parts, without specks.
    pub parts: usize,
    /// The smaller side of the bounding box's middle line as a share of both, 0 to 0.5.
    pub smaller_side: f64,
    /// Share of the mask's outline that lies on the film's edge.
    pub on_edge: f64,
    /// Left, top, right and bottom of the bounding box, from 0 to 1 of the film's width and height.
    pub bounds: [f64; 4],
}

impl Lungs {
    /// Finds the lungs with the built-in model.
    ///
    /// # Errors
    /// [`Implausible`] if what was found does not look like two lungs. There is no mask then.
    pub fn find(film: &Film) -> Result<Self, Implausible> {
        Self::find_with(LungModel::built_in(), film)
    }

    /// Finds the lungs with another model.
    ///
    /// # Errors
    /// As [`Lungs::find`].
    pub fn find_with(model: &LungModel, film: &Film) -> Result<Self, Implausible> {
        Self::of_rows(model, Rows::Unit(&film.grey), film.width, film.height)
    }

    /// Finds the lungs on grey levels `[height, width]` in any storage form.
    pub(crate) fn of_rows(
        model: &LungModel,
        rows: Rows<'_>,
        width: usize,
        height: usize,
    ) -> Result<Self, Implausible> {
        let side = model.side();
        let mut logits = model.logits(rows, width, height)?;
        let measures = clean::clean(&mut logits, side)?;
        Ok(Self {
            side,
            logits,
            measures,
        })
    }

    /// Area, parts, symmetry and position of the mask.
    pub fn measures(&self) -> &LungMeasures {
        &self.measures
    }

    /// True inside the lungs; `x` and `y` are from 0 to 1 of the film's width and height, from the upper left.
    pub fn contain(&self, x: f64, y: f64) -> bool {
        if !(0.0..=1.0).contains(&x) || !(0.0..=1.0).contains(&y) {
            return false;
        }
        let last = self.side - 1;
        let place = |at: f64| {
            let at = (at * self.side as f64 - 0.5).clamp(0.0, last as f64);
            let lower = at.floor();
            (
                lower as usize,
                (lower as usize + 1).min(last),
                (at - lower) as f32,
            )
        };
        let ((left, right, across), (top, bottom, down)) = (place(x), place(y));
        let logit = |row: usize, column: usize| self.logits[row * self.side + column];
        let upper = (1.0 - across) * logit(top, left) + across * logit(top, right);
        let lower = (1.0 - across) * logit(bottom, left) + across * logit(bottom, right);
        (1.0 - down) * upper + down * lower > 0.0
    }

    /// The mask at a size in pixels, `[height, width]`: true inside the lungs.
    pub fn mask(&self, width: usize, height: usize) -> Vec<bool> {
        let centre = |at: usize, length: usize| (at as f64 + 0.5) / length as f64;
        (0..height)
            .flat_map(|row| {
                (0..width).map(move |column| self.contain(centre(column, width), centre(row, height)))
            })
            .collect()
    }

    /// The bounding box with a margin, in film pixels: left, top, width, height. The margin is a share of the
    /// box's own width and height, on each side; the box stays on the film.
    pub(crate) fn window(&self, margin: f64, width: usize, height: usize) -> [f64; 4] {
        let [left, top, right, bottom] = self.measures.bounds;
        let grown = |from: f64, to: f64, length: usize| {
            let more = margin * (to - from);
            let (from, to) = ((from - more).max(0.0), (to + more).min(1.0));
            (from * length as f64, (to - from) * length as f64)
        };
        let ((left, across), (top, down)) = (grown(left, right, width), grown(top, bottom, height));
        [left, top, across, down]
    }
}

#[cfg(test)]
impl Lungs {
    /// Lungs on the pixels of a square for which `inside(row, column)` is true.
    pub(crate) fn of_square(side: usize, inside: impl Fn(usize, usize) -> bool) -> Result<Self, Implausible> {
        let level = |at: usize| if inside(at / side, at % side) { 4.0 } else { -4.0 };
        let mut logits: Vec<f32> = (0..side * side).map(level).collect();
        let measures = clean::clean(&mut logits, side)?;
        Ok(Self {
            side,
            logits,
            measures,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_of_any_size_is_inside_where_the_square_is() {
        let lungs = Lungs::of_square(32, |row, column| {
            (8..24).contains(&row) && ((6..14).contains(&column) || (18..26).contains(&column))
        })
        .unwrap();
        let mask = lungs.mask(96, 64);
        let share = mask.iter().filter(|&&inside| inside).count() as f64 / mask.len() as f64;
        assert!((share - lungs.measures().area).abs() < 0.01, "{share}");
        // The middle of the left lung, the gap, and a corner.
        for (x, y, inside) in [(0.31, 0.5, true), (0.5, 0.5, false), (0.02, 0.02, false)] {
            assert_eq!(lungs.contain(x, y), inside, "{x} {y}");
        }
        assert!(!lungs.contain(-0.1, 0.5) && !lungs.contain(0.3, 1.1));
        // 20 of 32 columns and 16 of 32 rows, with a tenth of both on each side.
        let [left, top, width, height] = lungs.window(0.1, 320, 640);
        assert!(
            [left - 40.0, top - 128.0, width - 240.0, height - 384.0]
                .iter()
                .all(|off| off.abs() < 1e-9)
        );
    }

    #[test]
    fn a_flat_film_has_no_lungs() {
        let film = Film::from_grey(64, 64, vec![0.5; 64 * 64]).unwrap();
        assert!(Lungs::find(&film).is_err());
    }
}
