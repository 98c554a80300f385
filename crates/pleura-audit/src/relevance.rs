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
    let seed = thresholds.probe.seed;
    let mean = |values: &[(String, f64)]| Mean::of(values, 0.95, RESAMPLES, seed);
    let (Some(outside), Some(area)) = (mean(&shares), mean(&areas)) else {
        return Ok(OUTSIDE.impossible("no film with a class has a lung mask (column lung_mask)"));
    };
    // Per pixel: 1 where the lungs are looked at as much as anything else.
    let density = |share: f64| (share / area.value) / ((1.0 - share) / (1.0 - area.value)).max(1e-9);
    let (low, high) = (
        density(outside.low.unwrap_or(0.0)),
        density(outside.high.unwrap_or(1.0)),
    );
    let verdict = match low {
        low if low >= thresholds.outside => Verdict::Alarm,
        low if low >= 0.5 * thresholds.outside => Verdict::Note,
        _ => Verdict::Quiet,
    };
    let says = format!(
        "{:.0} % of the relevance ({}) of {} films lies outside the lungs, which is {:.0} % of the area: per pixel {:.2} times as much as inside \
         (95 % {low:.2} to {high:.2})",
        100.0 * outside.value,
        composite.name(),
        outside.n,
        100.0 * area.value,
        density(outside.value)
    );
    Ok(Check {
        value: Some(low),
        threshold: Some(thresholds.outside),
        figure: Some(Figure::Intervals {
            axis: "share outside the lungs".to_owned(),
            lines: vec![
                (
                    "relevance".to_owned(),
                    outside.value,
                    (outside.low.unwrap_or(0.0), outside.high.unwrap_or(1.0)),
                ),
                (
                    "area".to_owned(),
                    area.value,
                    (area.low.unwrap_or(area.value), area.high.unwrap_or(area.value)),
                ),
            ],
        }),
        ..OUTSIDE.says(verdict, says)
    })
}
