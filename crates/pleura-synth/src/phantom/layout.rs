//! The layout of text and markers on a film.

use super::exposure::{Lead, Style};
use super::film::FilmSpec;
use super::lettering::{Line, width};
use super::seed::{between, normal, stream};

/// All text and markers of one film.
pub(crate) struct Lettering {
    /// Attenuation by lead on the cassette.
    pub(crate) lead: Vec<f32>,
    /// Burned-in ink: coverage and grey.
    burned: Vec<(f32, f32)>,
    /// Pixels of a letter, a marker or a plate.
    pub(crate) mask: Vec<bool>,
}

/// The text on every phantom, always at the same place.
pub(crate) const NOTICE: &str = "PHANTOM";
const NOTICE_HEIGHT: f32 = 0.042;

/// Attenuation of marker lead: opaque.
const LEAD: f32 = 4.0;

impl Lettering {
    /// A film without text.
    pub(crate) fn none(size: usize) -> Self {
        let cells = size * size;
        Self {
            lead: vec![0.0; cells],
            burned: vec![(0.0, 0.0); cells],
            mask: vec![false; cells],
        }
    }

    /// The text of the film's spec, in the hospital's style.
    pub(crate) fn lay(spec: &FilmSpec, style: &Style, size: usize) -> Self {
        let mut letters = Self::none(size);
        let mut rng = stream(spec.film_seed, "letters");
        let rng = &mut rng;

        let marks_right = between(rng, 0.0, 1.0) < 0.5;
        let height = between(rng, 0.075, 0.1);
        let text = if marks_right { "R" } else { "L" };
        let inset = between(rng, 0.03, 0.1);
        let wide = width(text, height);
        letters.marker(
            &Line {
                text: text.to_string(),
                left: if marks_right { inset } else { 1.0 - inset - wide },
                top: between(rng, 0.035, 0.09),
                height,
                turn: 0.12 * normal(rng),
            },
            style.lead,
            size,
        );

        // The text is placed in the top corner opposite the marker, or in the bottom right one.
        let low = between(rng, 0.0, 1.0) < 0.4;
        let place = |text: &str, height: f32, low: bool, margin: f32| {
            let wide = width(text, height);
            let left = if low || marks_right {
                1.0 - margin - wide
            } else {
                margin
            };
            Line {
                text: text.to_string(),
                left,
                top: if low { 1.0 - 0.035 - height } else { margin },
                height,
                turn: 0.0,
            }
        };
        let (height, margin) = (between(rng, 0.05, 0.062), between(rng, 0.03, 0.05));
        if let Some(word) = &spec.word {
            letters.word(&place(word, height, low, margin), style.boxed_words, size);
        }
        let (height, margin) = (between(rng, 0.036, 0.044), between(rng, 0.03, 0.05));
        if let Some(code) = &spec.code {
            letters.word(&place(code, height, !low, margin), false, size);
        }
        let notice = Line {
            text: NOTICE.to_string(),
            left: 0.02,
            top: 0.98 - NOTICE_HEIGHT,
            height: NOTICE_HEIGHT,
            turn: 0.0,
        };
        letters.word(&notice, true, size);
        letters
    }

    /// A lead letter on the cassette, in its frame or cut out of its plate.
    fn marker(&mut self, line: &Line, lead: Lead, size: usize) {
        let ink = line.ink(size);
        let (inner, outer) = (line.plate(size, 0.02), line.plate(size, 0.1));
        for (index, &cover) in ink.iter().enumerate() {
            let thickness = match lead {
                Lead::Bare => cover,
                Lead::Framed => cover.max(if outer[index] && !inner[index] { 1.0 } else { 0.0 }),
                Lead::Plate => {
                    if outer[index] {
                        1.0 - cover
                    } else {
                        0.0
                    }
                }
            };
            self.lead[index] += LEAD * thickness;
            self.mask[index] |= thickness > 0.0 || cover > 0.0;
        }
    }

    /// White letters, on a black plate where `boxed`.
    fn word(&mut self, line: &Line, boxed: bool, size: usize) {
        let ink = line.ink(size);
        let plate = if boxed {
            line.plate(size, 0.08)
        } else {
            vec![false; size * size]
        };
        for (index, &cover) in ink.iter().enumerate() {
            if plate[index] {
                self.burned[index] = (1.0, cover);
            } else if cover > 0.0 {
                self.burned[index] = (cover, 1.0);
            }
            self.mask[index] |= plate[index] || cover > 0.0;
        }
    }

    /// Draws burned-in text over the developed film.
    pub(crate) fn burn_in(&self, grey: &mut [f32]) {
        for (value, &(cover, ink)) in grey.iter_mut().zip(&self.burned) {
            // In this form, full coverage gives exactly the ink's bits.
            *value = cover * ink + (1.0 - cover) * *value;
        }
    }
}
