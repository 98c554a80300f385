//! Place of the relevance: inside or outside the lungs, at the border or not.

use pleura_explain::{Composite, Start, explain};
use pleura_film::{Film, Preparation, prepare};
use pleura_nn::Network;

use crate::burned_in_text::{Mean, prepared_mask, share_inside};
use crate::check::{Check, CheckInfo, Figure, Verdict, literature};
use crate::{Error, Thresholds};

/// Bootstrap samples of patients for the interval.
const RESAMPLES: usize = 1000;

const OUTSIDE: CheckInfo = CheckInfo {
    name: "outside-lungs",
    asks: "Is the relevance outside the lungs?",
    remedy: "look at the heatmaps; train on the lungs alone (preparation.lungs) or with ISNet; test on films of other sources",
    literature: &[literature::DEGRAVE, literature::ISNET],
};
const BORDER: CheckInfo = CheckInfo {
    name: "border-relevance",
    asks: "Is the relevance at the border of the films?",
    remedy: "look at the heatmaps; crop all films to the lungs (preparation.lungs), or train with ISNet; test on films of other sources",
    literature: &[literature::DEGRAVE, literature::MAGUOLO],
};
/// The border is one eighth of a side: it holds corners, markers, padding and arms, and hardly any lung.
const FRAME: usize = 8;

/// Mask of a whole film.
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

/// Patient and class of a film.
pub struct Of {
    /// The patient, unique within its source.
    pub patient: String,
    /// The finding whose logit is explained.
    pub finding: String,
}

/// Ratio of relevance per pixel outside and inside the lungs, for each film's own class. Uses absolute values
/// by `composite`; `open` reads a film.
///
/// # Errors
/// A film that cannot be read or explained.
pub fn outside_lungs(
    network: &Network,
    preparation: &Preparation,
    films: &[Of],
    open: &dyn Fn(usize) -> Result<Masked, Error>,
    composite: &Composite,
    thresholds: &Thresholds,
) -> Result<Check, Error> {
    let place = Place {
        info: OUTSIDE,
        name: "outside the lungs",
        rest: "inside",
        alarm: thresholds.outside,
        note: 0.5 * thresholds.outside,
        none: "no film with a class has a lung mask (column lung_mask); `pleura data lungs` finds them",
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

/// Ratio of relevance per pixel at the border and elsewhere. The border is the outermost eighth of each film
/// and its padding. It needs no lung mask, because hardly any lung lies there.
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
        info: BORDER,
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

/// A region where evidence should not lie.
struct Place {
    info: CheckInfo,
    name: &'static str,
    rest: &'static str,
    /// Alarm level of relevance per pixel in the region, divided by that elsewhere (lower end of the
    /// interval).
    alarm: f64,
    note: f64,
    /// The reason if no film can be checked.
    none: &'static str,
}

impl Place {
    /// Share of relevance in the region: outside the masks of `open`.
    fn judge(
        &self,
        network: &Network,
        preparation: &Preparation,
        films: &[Of],
        open: &dyn Fn(usize) -> Result<Masked, Error>,
        composite: &Composite,
        seed: u64,
    ) -> Result<Check, Error> {
        let mut found = Found::default();
        for (number, of) in films.iter().enumerate() {
            let Masked { film, lungs } = open(number)?;
            let film = prepare(&film, preparation);
            let inside = prepared_mask(&lungs.inside, lungs.width, lungs.height, &film.geometry);
            let area = inside.iter().filter(|inside| **inside).count() as f64 / inside.len() as f64;
            if area == 0.0 || area == 1.0 {
                continue;
            }
            let start = [Start::Logit(of.finding.clone())];
            let explanation = explain(network, &film.unit_grey(), film.size, composite, &start)?;
            for map in &explanation.maps {
                found.add(&of.patient, &map.heatmap, &inside, area);
            }
        }
        Ok(self.verdict(&found, composite.name(), seed))
    }

    fn verdict(&self, found: &Found, composite: &str, seed: u64) -> Check {
        let mean = |values: &[(String, f64)]| Mean::of(values, 0.95, RESAMPLES, seed);
        let (Some(there), Some(area)) = (mean(&found.shares), mean(&found.areas)) else {
            return match found.empty {
                0 => self.info.impossible(self.none),
                empty => self
                    .info
                    .impossible(format!("no relevance in any heatmap of {empty} films")),
            };
        };
        let Some((low, high)) = there.low.zip(there.high) else {
            return self
                .info
                .impossible("all films are of one patient: an interval needs two patients or more");
        };
        // Per pixel: 1 if the region has as much relevance as the rest.
        let density = |share: f64| (share / area.value) / ((1.0 - share) / (1.0 - area.value)).max(1e-9);
        let least = density(low);
        let verdict = match least {
            least if least >= self.alarm => Verdict::Alarm,
            least if least >= self.note => Verdict::Note,
            _ => Verdict::Pass,
        };
        let empty = match found.empty {
            0 => String::new(),
            empty => format!("; films without relevance left out: {empty}"),
        };
        let says = format!(
            "{:.0} % of the relevance ({composite}) of {} films lies {}, which is {:.0} % of the area: per pixel {:.2} times as much as {} \
             (95 % {least:.2} to {:.2}){empty}",
            100.0 * there.value,
            there.n,
            self.name,
            100.0 * area.value,
            density(there.value),
            self.rest,
            density(high)
        );
        Check {
            value: Some(least),
            threshold: Some(self.alarm),
            figure: Some(Figure::Intervals {
                axis: format!("share {}", self.name),
                lines: vec![
                    ("relevance".to_owned(), there.value, (low, high)),
                    (
                        "area".to_owned(),
                        area.value,
                        (area.low.unwrap_or(area.value), area.high.unwrap_or(area.value)),
                    ),
                ],
            }),
            ..self.info.says(verdict, says)
        }
    }
}

/// Shares of relevance and area in the region, each with the film's patient.
#[derive(Default)]
struct Found {
    /// Shares of relevance.
    shares: Vec<(String, f64)>,
    /// Shares of area.
    areas: Vec<(String, f64)>,
    /// Number of heatmaps without any relevance.
    empty: usize,
}

impl Found {
    /// `inside` is the region where evidence may lie, `area` its share of the pixels.
    fn add(&mut self, patient: &str, heatmap: &[f32], inside: &[bool], area: f64) {
        let total: f64 = heatmap.iter().map(|value| f64::from(value.abs())).sum();
        if total > 0.0 && total.is_finite() {
            self.shares
                .push((patient.to_owned(), 1.0 - share_inside(heatmap, inside)));
            self.areas.push((patient.to_owned(), 1.0 - area));
        } else {
            self.empty += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place {
        info: OUTSIDE,
        name: "outside the lungs",
        rest: "inside",
        alarm: 1.0,
        note: 0.5,
        none: "no film",
    };

    #[test]
    fn a_heatmap_without_relevance_says_nothing_of_where_it_lies() {
        let inside = [true, false];
        let mut found = Found::default();
        for heatmap in [[0.0, 0.0], [f32::NAN, 1.0]] {
            found.add("a", &heatmap, &inside, 0.5);
        }
        let check = PLACE.verdict(&found, "epsilon", 0);
        assert_eq!(check.verdict, Verdict::NotPossible);
        assert_eq!(check.says, "no relevance in any heatmap of 2 films");
        found.add("a", &[1.0, 9.0], &inside, 0.5);
        let check = PLACE.verdict(&found, "epsilon", 0);
        assert_eq!(check.verdict, Verdict::NotPossible);
        assert!(check.says.contains("two patients or more"), "{}", check.says);
        found.add("b", &[1.0, 9.0], &inside, 0.5);
        let check = PLACE.verdict(&found, "epsilon", 0);
        assert_eq!(check.verdict, Verdict::Alarm);
        let end = "9.00 times as much as inside (95 % 9.00 to 9.00); films without relevance left out: 2";
        assert!(check.says.ends_with(end), "{}", check.says);
    }

    #[test]
    fn without_films_there_is_nothing_to_ask() {
        let check = PLACE.verdict(&Found::default(), "epsilon", 0);
        assert_eq!(
            (check.verdict, check.says.as_str()),
            (Verdict::NotPossible, "no film")
        );
    }
}
