//! Heatmap sanity: do heatmaps depend on the trained weights?

use pleura_explain::score::{Film as Scored, Measure, Scorer, Settings};
use pleura_explain::{Composite, Method, Start};
use pleura_film::{Film, Preparation, prepare};
use pleura_nn::{Cpu, Network};

use crate::burned_in_text::Mean;
use crate::check::{Check, CheckInfo, Figure, Verdict, literature};
use crate::relevance::Of;
use crate::{Error, Thresholds};

/// Bootstrap samples of patients for the interval.
const RESAMPLES: usize = 1000;
/// Scores: the mean similarity over the randomisation cascade, and with heatmap of another class.
const KEYS: [(&str, &str); 2] = [
    ("randomisation.rank", "randomised networks"),
    ("random-logit.rank", "heatmap of another class"),
];

const SANITY: CheckInfo = CheckInfo {
    name: "heatmap-sanity",
    asks: "Do the heatmaps depend on what the network has learned?",
    remedy: "do not trust heatmaps that a randomised network gives too; compare methods (pleura explain --method … --score)",
    literature: &[literature::ADEBAYO],
};

/// Rank correlation of films' heatmaps with those of networks whose layers were re-initialised from the head
/// down (Adebayo et al. 2018), and with the heatmap of another class. `open` reads a film.
///
/// # Errors
/// A film that cannot be read or explained.
pub fn heatmap_sanity(
    network: &Network,
    preparation: &Preparation,
    films: &[Of],
    open: &dyn Fn(usize) -> Result<Film, Error>,
    composite: &Composite,
    thresholds: &Thresholds,
) -> Result<Check, Error> {
    let seed = thresholds.probe.seed;
    let settings = Settings {
        measures: vec![Measure::Randomisation, Measure::RandomLogit],
        seed,
        ..Settings::default()
    };
    let scorer = Scorer::new(network, settings, Cpu::default)?;
    let method = Method::Composite(composite.clone());
    let mut found: [Vec<(String, f64)>; 2] = Default::default();
    for (number, of) in films.iter().enumerate() {
        let film = prepare(&open(number)?, preparation);
        let grey = film.unit_grey();
        let start = [Start::Logit(of.finding.clone())];
        let maps = method.explain(network, &grey, film.size, &start)?.maps;
        let name = number.to_string();
        let mut scored = scorer.film(Scored {
            name: &name,
            grey: &grey,
            size: film.size,
            masks: &[],
        })?;
        for map in &maps {
            for score in scored.score(&method, map)? {
                let place = KEYS.iter().position(|(key, _)| score.key == *key);
                if let Some(place) = place.filter(|_| score.value.is_finite()) {
                    found[place].push((of.patient.clone(), score.value));
                }
            }
        }
    }
    let [fresh, other] = found.map(|values| Mean::of(&values, 0.95, RESAMPLES, seed));
    let Some(fresh) = fresh else {
        return Ok(SANITY.impossible("no test film has a class"));
    };
    // A single patient gives no interval; the value replaces its ends.
    let ends = |mean: &Mean| (mean.low.unwrap_or(mean.value), mean.high.unwrap_or(mean.value));
    let (low, high) = ends(&fresh);
    let verdict = match low {
        low if low >= thresholds.sanity => Verdict::Alarm,
        low if low >= 0.75 * thresholds.sanity => Verdict::Note,
        _ => Verdict::Pass,
    };
    let other_class = other.as_ref().map_or_else(String::new, |other| {
        format!("; with the heatmap of another class {:.2}", other.value)
    });
    let says = format!(
        "heatmaps ({}) of {} films and those of randomised networks from the head down correlate {:.2} in rank (95 % {low:.2} to \
         {high:.2}){other_class}",
        composite.name(),
        fresh.n,
        fresh.value
    );
    let means = [Some(&fresh), other.as_ref()];
    let lines = KEYS
        .iter()
        .zip(means)
        .filter_map(|((_, name), mean)| Some(((*name).to_owned(), mean?.value, ends(mean?))))
        .filter(|(.., (low, _))| *low >= 0.0);
    Ok(Check {
        value: Some(low),
        threshold: Some(thresholds.sanity),
        figure: Some(Figure::Intervals {
            axis: "rank correlation of heatmaps".to_owned(),
            lines: lines.collect(),
        }),
        ..SANITY.says(verdict, says)
    })
}
