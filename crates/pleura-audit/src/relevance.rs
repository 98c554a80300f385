//! Whether a network's evidence lies where disease can be.

use pleura_explain::{Composite, Start, explain};
use pleura_film::{Film, Preparation, prepare};
use pleura_nn::Network;

use crate::check::{Asked, Check, Figure, Verdict, literature};
use crate::words::{Mean, prepared, share};
use crate::{Error, Thresholds};

/// Resamples of patients for the interval.
const RESAMPLES: usize = 1000;

const OUTSIDE: Asked = Asked {
    name: "outside-lungs",
    asks: "Does the relevance lie outside the lungs?",
    remedy: "look at the heatmaps; train with lung masks (ISNet); test on films from elsewhere",
    literature: &[literature::DEGRAVE, literature::ISNET],
};
const BORDER: Asked = Asked {
    name: "border-relevance",
    asks: "Does the relevance lie at the border of the films?",
    remedy: "look at the heatmaps; crop all films alike, train with lung masks (ISNet), and test on films from elsewhere",
    literature: &[literature::DEGRAVE, literature::MAGUOLO],
};
/// The border is this share of a side: where corners, markers, padding and arms lie, and hardly any lung.
const FRAME: usize = 8;

/// A mask of a whole film.
pub struct Mask {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `[height, width]`
    pub inside: Vec<bool>,
}

/// A film to explain.
pub struct Masked {
    /// The film.
    pub film: Film,
    /// Its lungs.
    pub lungs: Mask,
}

/// Whose film it is, and its class.
pub struct Of {
    /// The patient, within its source.
    pub patient: String,
    /// The finding whose logit is explained.
    pub finding: String,
}

/// Relevance of films' own classes per pixel outside the lungs, over that inside. Absolute values, by `composite`; `open` reads a film.
///
/// # Errors
/// A film that cannot be read or answered.
pub fn outside_lungs(
    network: &Network,
    preparation: &Preparation,
    films: &[Of],
    open: &dyn Fn(usize) -> Result<Masked, Error>,
    composite: &Composite,
    thresholds: &Thresholds,
) -> Result<Check, Error> {
    let place = Place {
        asked: OUTSIDE,
        name: "outside the lungs",
        rest: "inside",
        alarm: thresholds.outside,
        note: 0.5 * thresholds.outside,
        none: "no film with a class has a lung mask (column lung_mask)",
    };
    place.judge(
        network,
        preparation,
        films,
        open,
        composite,
        thresholds.probe.seed,
    )
}

/// The same at the border, the outermost eighth of each film and what it was padded with: where no mask says what lungs are, that much is known of
/// where they are not.
///
/// # Errors
/// As [`outside_lungs`].
pub fn at_border(
    network: &Network,
    preparation: &Preparation,
    films: &[Of],
    open: &dyn Fn(usize) -> Result<Film, Error>,
    composite: &Composite,
    thresholds: &Thresholds,
) -> Result<Check, Error> {
    let place = Place {
        asked: BORDER,
        name: "on the outermost eighth of the films",
        rest: "elsewhere",
        alarm: thresholds.border,
        note: 0.75 * thresholds.border,
        none: "no test film has a class",
    };
    let open = |number: usize| {
        let film = open(number)?;
        let (width, height) = (film.width, film.height);
        let within = |at: usize, side: usize| at >= side / FRAME && at < side - side / FRAME;
        let inside = (0..width * height).map(|at| within(at % width, width) && within(at / width, height));
        let lungs = Mask {
            width,
            height,
            inside: inside.collect(),
        };
        Ok(Masked { film, lungs })
    };
    place.judge(
        network,
        preparation,
        films,
        &open,
        composite,
        thresholds.probe.seed,
    )
}

/// Where evidence should not lie.
struct Place {
    asked: Asked,
    name: &'static str,
    rest: &'static str,
    /// Relevance per pixel there over that elsewhere, at the lower end of its interval.
    alarm: f64,
    note: f64,
    /// Why there may be nothing to ask.
    none: &'static str,
}

impl Place {
    /// How much of the relevance lies there, outside the masks that `open` gives.
    fn judge(
        &self,
        network: &Network,
        preparation: &Preparation,
        films: &[Of],
        open: &dyn Fn(usize) -> Result<Masked, Error>,
        composite: &Composite,
        seed: u64,
    ) -> Result<Check, Error> {
        let mut shares = Vec::new();
        let mut areas = Vec::new();
        for (number, of) in films.iter().enumerate() {
            let Masked { film, lungs } = open(number)?;
            let film = prepare(&film, preparation);
            let inside = prepared(&lungs.inside, lungs.width, lungs.height, &film.geometry);
            let area = inside.iter().filter(|inside| **inside).count() as f64 / inside.len() as f64;
            if area == 0.0 || area == 1.0 {
                continue;
            }
            let start = [Start::Logit(of.finding.clone())];
            let explanation = explain(network, &film.unit_grey(), film.size, composite, &start)?;
            for map in &explanation.maps {
                shares.push((of.patient.clone(), 1.0 - share(&map.heatmap, &inside)));
                areas.push((of.patient.clone(), 1.0 - area));
            }
        }
        let mean = |values: &[(String, f64)]| Mean::of(values, 0.95, RESAMPLES, seed);
        let (Some(there), Some(area)) = (mean(&shares), mean(&areas)) else {
            return Ok(self.asked.impossible(self.none));
        };
        // Per pixel: 1 where the rest is looked at as much.
        let density = |share: f64| (share / area.value) / ((1.0 - share) / (1.0 - area.value)).max(1e-9);
        let (low, high) = (
            density(there.low.unwrap_or(0.0)),
            density(there.high.unwrap_or(1.0)),
        );
        let verdict = match low {
            low if low >= self.alarm => Verdict::Alarm,
            low if low >= self.note => Verdict::Note,
            _ => Verdict::Quiet,
        };
        let says = format!(
            "{:.0} % of the relevance ({}) of {} films lies {}, which is {:.0} % of the area: per pixel {:.2} times as much as {} \
             (95 % {low:.2} to {high:.2})",
            100.0 * there.value,
            composite.name(),
            there.n,
            self.name,
            100.0 * area.value,
            density(there.value),
            self.rest
        );
        Ok(Check {
            value: Some(low),
            threshold: Some(self.alarm),
            figure: Some(Figure::Intervals {
                axis: format!("share {}", self.name),
                lines: vec![
                    (
                        "relevance".to_owned(),
                        there.value,
                        (there.low.unwrap_or(0.0), there.high.unwrap_or(1.0)),
                    ),
                    (
                        "area".to_owned(),
                        area.value,
                        (area.low.unwrap_or(area.value), area.high.unwrap_or(area.value)),
                    ),
                ],
            }),
            ..self.asked.says(verdict, says)
        })
    }
}
