//! Exposure: from attenuation to grey levels, with scatter, quantum noise and the detector's response.

use super::canvas::{Frame, Plane};
use super::curve::{Profile, mix};
use super::seed::{Stream, between, normal};

/// The appearance of a hospital's films.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    /// The dataset's name.
    pub(crate) name: &'static str,
    /// Prefix of its film codes.
    pub(crate) code: &'static str,
    /// Exponent of the middle grey; above 1 is darker.
    gamma: f32,
    /// Steepness of the S-shaped response.
    contrast: f32,
    /// Local contrast that the machine adds.
    enhancement: f32,
    /// Quanta per square centimetre without attenuation, in thousands.
    dose: f32,
    /// Scatter, relative to the usual amount.
    scatter: f32,
    /// Grey of the darkest and the brightest part.
    black: f32,
    white: f32,
    /// Share of bedside (AP) films.
    pub(crate) bedside: f32,
    /// Share of films with a visible collimator edge.
    pub(crate) collimated: f32,
    /// Style of markers and text.
    pub(crate) lead: Lead,
    pub(crate) boxed_words: bool,
}

/// Style of a side marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lead {
    /// A bare lead letter.
    Bare,
    /// A lead letter in a lead frame.
    Framed,
    /// A letter cut out of a lead plate.
    Plate,
}

/// The simulated hospitals. Every name is invented.
pub(crate) const HOSPITALS: [Style; 6] = [
    Style {
        name: "aldermoor",
        code: "AM",
        gamma: 1.0,
        contrast: 1.7,
        enhancement: 0.25,
        dose: 1500.0,
        scatter: 1.0,
        black: 0.03,
        white: 0.95,
        bedside: 0.35,
        collimated: 0.2,
        lead: Lead::Bare,
        boxed_words: false,
    },
    Style {
        name: "birchfield",
        code: "BF",
        gamma: 0.85,
        contrast: 1.2,
        enhancement: 0.1,
        dose: 1000.0,
        scatter: 1.15,
        black: 0.06,
        white: 0.92,
        bedside: 0.5,
        collimated: 0.1,
        lead: Lead::Framed,
        boxed_words: true,
    },
    Style {
        name: "calder-bay",
        code: "CB",
        gamma: 1.15,
        contrast: 2.2,
        enhancement: 0.45,
        dose: 2500.0,
        scatter: 0.85,
        black: 0.0,
        white: 1.0,
        bedside: 0.25,
        collimated: 0.35,
        lead: Lead::Plate,
        boxed_words: false,
    },
    Style {
        name: "dunmere",
        code: "DU",
        gamma: 0.95,
        contrast: 1.4,
        enhancement: 0.0,
        dose: 1000.0,
        scatter: 1.3,
        black: 0.1,
        white: 0.88,
        bedside: 0.55,
        collimated: 0.0,
        lead: Lead::Bare,
        boxed_words: true,
    },
    Style {
        name: "eastlow",
        code: "EL",
        gamma: 1.3,
        contrast: 1.9,
        enhancement: 0.6,
        dose: 1800.0,
        scatter: 0.9,
        black: 0.0,
        white: 0.97,
        bedside: 0.3,
        collimated: 0.5,
        lead: Lead::Framed,
        boxed_words: false,
    },
    Style {
        name: "fernhill",
        code: "FH",
        gamma: 1.05,
        contrast: 1.5,
        enhancement: 0.2,
        dose: 1200.0,
        scatter: 1.05,
        black: 0.02,
        white: 0.9,
        bedside: 0.4,
        collimated: 0.15,
        lead: Lead::Plate,
        boxed_words: true,
    },
];

/// Properties that vary from film to film within a hospital.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exposure {
    gamma: f32,
    contrast: f32,
    dose: f32,
    scatter: f32,
    low: f32,
    high: f32,
    black: f32,
    white: f32,
    enhancement: f32,
    /// Widths of the collimated borders (left, right, top, bottom) as shares of the film.
    shutters: [f32; 4],
}

impl Exposure {
    pub(crate) fn draw(rng: &mut Stream, style: &Style) -> Self {
        let shut = between(rng, 0.0, 1.0) < style.collimated;
        let shutters = std::array::from_fn(|_| {
            let width = between(rng, 0.0, 0.045);
            if shut && between(rng, 0.0, 1.0) < 0.7 {
                width
            } else {
                0.0
            }
        });
        Self {
            gamma: style.gamma * (1.0 + 0.14 * normal(rng)),
            contrast: style.contrast * (1.0 + 0.15 * normal(rng)),
            dose: style.dose * between(rng, 0.5, 1.6),
            scatter: style.scatter * between(rng, 0.8, 1.25),
            low: 0.38 + 0.13 * normal(rng),
            high: (0.22 + 0.13 * normal(rng)).max(0.0),
            black: (style.black + 0.02 * normal(rng)).max(0.0),
            white: (style.white + 0.025 * normal(rng)).min(1.0),
            enhancement: style.enhancement * between(rng, 0.6, 1.3),
            shutters,
        }
    }

    /// Grey levels in 0..1 of a film with the given `attenuation` (natural logarithms) and `lead` on the
    /// cassette.
    ///
    /// `field` marks the lungs: the exposure is measured there, before any lead. Lead is added last, so it
    /// changes no pixel beside it.
    pub(crate) fn develop(
        &self,
        attenuation: &Plane,
        field: &[bool],
        lead: &[f32],
        frame: Frame,
        rng: &mut Stream,
    ) -> Vec<f32> {
        let size = frame.size();
        let mut primary = Plane {
            size,
            values: attenuation.values.iter().map(|path| (-path).exp()).collect(),
        };
        // Scatter arises in the patient: behind tissue, and hardly near open air.
        let mut scatter = Plane {
            size,
            values: primary
                .values
                .iter()
                .zip(&attenuation.values)
                .map(|(ray, path)| 0.42 * self.scatter * ray * path.min(3.0))
                .collect(),
        };
        scatter.blur(2.6 / frame.pixel());
        for (ray, stray) in primary.values.iter_mut().zip(&scatter.values) {
            *ray += stray;
        }
        // Blur of the focal spot and of the detector.
        primary.blur((0.035 / frame.pixel()).max(0.35));
        let (low, high) = self.window(&primary, field, frame);
        let quanta = self.dose * 1000.0 * frame.pixel() * frame.pixel();
        let mut grey = Plane::zero(size);
        for (index, value) in grey.values.iter_mut().enumerate() {
            let (shine, draw) = (primary.values[index], normal(rng));
            let counted = (shine + (shine / quanta).sqrt() * draw).max(1e-4);
            *value = (-counted.ln() - low) / (high - low);
        }
        if self.enhancement > 0.0 {
            self.enhance(&mut grey, frame);
        }
        let answer = self.answer();
        let span = high - low;
        let quarter = self.shutters.map(|width| (width * size as f32) as usize);
        for (index, value) in grey.values.iter_mut().enumerate() {
            let (row, column) = (index / size, index % size);
            let shut = column < quarter[0]
                || column >= size - quarter[1]
                || row < quarter[2]
                || row >= size - quarter[3];
            *value = if shut {
                self.black
            } else {
                answer.at(*value + lead[index] / span)
            };
        }
        grey.values
    }

    /// Grey level over density, with the window's ends at 0 and 1: an S curve, then the gamma.
    fn answer(&self) -> Profile {
        let knee = (0.5 * self.contrast).tanh();
        Profile::of(0.0, 1.0, |density| {
            let answer = 0.5 + 0.5 * (self.contrast * (density - 0.5)).tanh() / knee;
            mix(self.black, self.white, answer.clamp(0.0, 1.0).powf(self.gamma))
        })
    }

    /// Densities of black and white: from the lungs' darkest to the body's brightest, with the film's
    /// exposure error.
    fn window(&self, shine: &Plane, field: &[bool], frame: Frame) -> (f32, f32) {
        let stride = (frame.size() / 96).max(1);
        let mut lungs = Vec::new();
        let mut all = Vec::new();
        for row in (0..frame.size()).step_by(stride) {
            for column in (0..frame.size()).step_by(stride) {
                let index = row * frame.size() + column;
                let density = -shine.values[index].max(1e-6).ln();
                all.push(density);
                if field[index] {
                    lungs.push(density);
                }
            }
        }
        let dark = quantile(&mut lungs, 0.1).unwrap_or(1.5);
        let bright = quantile(&mut all, 0.93).unwrap_or(3.5).max(dark + 0.8);
        let span = bright - dark;
        (dark - self.low.max(0.08) * span, bright + self.high * span)
    }

    /// Unsharp masking at a scale of a centimetre.
    fn enhance(&self, grey: &mut Plane, frame: Frame) {
        let mut smooth = grey.clone();
        smooth.blur(1.1 / frame.pixel());
        for (value, base) in grey.values.iter_mut().zip(&smooth.values) {
            *value += self.enhancement * (*value - base);
        }
    }
}

fn quantile(values: &mut [f32], part: f32) -> Option<f32> {
    let rank = (part * values.len().checked_sub(1)? as f32) as usize;
    Some(*values.select_nth_unstable_by(rank, f32::total_cmp).1)
}
