//! Precision and recall of text detection.

use serde::{Deserialize, Serialize};

use super::text::{Bounds, Text};

/// Minimum covered share of an object's box for a match.
const MET: f64 = 0.5;

/// Counts over films; [`Agreement::add`] adds films.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// Films compared.
    pub films: usize,
    /// Detected pixels that are text.
    pub pixels_right: u64,
    /// Detected pixels.
    pub pixels_found: u64,
    /// Pixels of text.
    pub pixels_true: u64,
    /// Detected objects that are text.
    pub objects_right: u64,
    /// Detected objects.
    pub objects_found: u64,
    /// True objects that are detected.
    pub objects_met: u64,
    /// True objects.
    pub objects_true: u64,
    /// Films with text on which some of it is detected.
    pub films_met: usize,
    /// Films with text.
    pub films_true: usize,
}

impl Agreement {
    /// Compares detected text with the truth. A detected object is right if at least half of its box lies
    /// within true boxes; a true object is detected if at least half of its box lies within detected boxes. A
    /// line detected as two words, or two words detected as one line, thus count as detected (as Wolf &
    /// Jolion 2006 count one-to-many matches).
    pub fn of(found: &Text, truth: &Text) -> Self {
        let (found_mask, true_mask) = (found.mask(), truth.mask());
        let (found_boxes, true_boxes) = (found.boxed().mask(), truth.boxed().mask());
        let count = |mask: &[bool]| mask.iter().filter(|&&inside| inside).count() as u64;
        let met = |text: &Text, by: &[bool]| -> u64 {
            let objects = text
                .objects
                .iter()
                .map(|object| covered(object.bounds, by, text.width));
            objects.filter(|&share| share >= MET).count() as u64
        };
        let objects_met = met(truth, &found_boxes);
        Self {
            films: 1,
            pixels_right: found_mask
                .iter()
                .zip(&true_mask)
                .filter(|&(&a, &b)| a && b)
                .count() as u64,
            pixels_found: count(&found_mask),
            pixels_true: count(&true_mask),
            objects_right: met(found, &true_boxes),
            objects_found: found.objects.len() as u64,
            objects_met,
            objects_true: truth.objects.len() as u64,
            films_met: usize::from(objects_met > 0),
            films_true: usize::from(!truth.is_empty()),
        }
    }

    /// Adds another film's counts.
    pub fn add(&mut self, other: &Self) {
        self.films += other.films;
        self.pixels_right += other.pixels_right;
        self.pixels_found += other.pixels_found;
        self.pixels_true += other.pixels_true;
        self.objects_right += other.objects_right;
        self.objects_found += other.objects_found;
        self.objects_met += other.objects_met;
        self.objects_true += other.objects_true;
        self.films_met += other.films_met;
        self.films_true += other.films_true;
    }

    /// Precision and recall of pixels; `None` without pixels.
    pub fn pixels(&self) -> [Option<f64>; 2] {
        [
            share(self.pixels_right, self.pixels_found),
            share(self.pixels_right, self.pixels_true),
        ]
    }

    /// Precision and recall of objects.
    pub fn objects(&self) -> [Option<f64>; 2] {
        [
            share(self.objects_right, self.objects_found),
            share(self.objects_met, self.objects_true),
        ]
    }
}

fn share(part: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| part as f64 / of as f64)
}

/// Share of a box that lies on a mask.
fn covered(bounds: Bounds, mask: &[bool], width: usize) -> f64 {
    let rows = bounds.top..bounds.top + bounds.height;
    let inside: usize = rows
        .map(|row| {
            let row = &mask[row * width + bounds.left..row * width + bounds.left + bounds.width];
            row.iter().filter(|&&inside| inside).count()
        })
        .sum();
    inside as f64 / (bounds.width * bounds.height).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(boxes: &[(usize, usize, usize, usize)]) -> Text {
        let mut mask = vec![false; 100 * 50];
        for &(left, top, width, height) in boxes {
            for row in top..top + height {
                mask[row * 100 + left..row * 100 + left + width].fill(true);
            }
        }
        Text::of_mask(&mask, 100, 50, 100, 50)
    }

    #[test]
    fn splits_count_as_found_and_strays_as_wrong() {
        let truth = text(&[(10, 10, 40, 6), (70, 30, 6, 6)]);
        let found = text(&[(10, 10, 17, 6), (30, 10, 20, 6), (5, 40, 4, 4)]);
        let mut all = Agreement::of(&found, &truth);
        assert_eq!(
            (
                all.objects_right,
                all.objects_found,
                all.objects_met,
                all.objects_true
            ),
            (2, 3, 1, 2)
        );
        assert_eq!(
            (all.pixels_right, all.pixels_found, all.pixels_true),
            (222, 238, 276)
        );
        all.add(&Agreement::of(&text(&[]), &text(&[])));
        assert_eq!((all.films, all.films_true, all.films_met), (2, 1, 1));
        assert_eq!(all.objects(), [Some(2.0 / 3.0), Some(0.5)]);
        assert_eq!(Agreement::default().pixels(), [None, None]);
    }
}
