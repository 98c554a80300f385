//! Probes of a network's features: source, view, sex and age.

use std::collections::{BTreeMap, BTreeSet};

use pleura_film::{Film, Preparation, prepare};
use pleura_manifest::Sex;
use pleura_nn::Network;
use rayon::prelude::*;

use crate::check::{Check, CheckInfo, Figure, Verdict, literature};
use crate::checks::cramers_v;
use crate::examples::{Example, Films};
use crate::probe::{self, Probe, ProbeResult, middle_95};
use crate::{Error, Thresholds};

/// Films in memory at a time.
const BATCH: usize = 32;

const FEATURES: CheckInfo = CheckInfo {
    name: "features",
    asks: "Do the network's features predict source, view, sex or age, among films of one class?",
    remedy: "the head can use what the features tell: balance the classes by it, report results within groups of it, and keep a whole source \
             out for testing",
    literature: &[literature::ZECH, literature::DEGRAVE],
};

/// An attribute of films other than the class.
struct Attribute {
    name: &'static str,
    /// Value of each example; `None` if unknown.
    values: Vec<Option<usize>>,
    count: usize,
}

/// Source, view, sex and age of the films.
fn attributes(films: &Films) -> [Attribute; 4] {
    let (sources, places) = films.sources();
    let examples = &films.examples;
    let views: BTreeSet<&str> = examples.iter().map(|example| example.view.as_str()).collect();
    let views: Vec<&str> = views.into_iter().filter(|view| !view.is_empty()).collect();
    let mut ages: Vec<f32> = examples.iter().filter_map(|example| example.age).collect();
    ages.sort_by(f32::total_cmp);
    let median = ages.get(ages.len() / 2).copied().unwrap_or(0.0);
    let each = |of: &dyn Fn(&Example) -> Option<usize>| examples.iter().map(of).collect();
    [
        Attribute {
            name: "source",
            values: places.into_iter().map(Some).collect(),
            count: sources.len(),
        },
        Attribute {
            name: "view",
            values: each(&|example| views.binary_search(&example.view.as_str()).ok()),
            count: views.len(),
        },
        Attribute {
            name: "sex",
            values: each(&|example| match example.sex? {
                Sex::Female => Some(0),
                Sex::Male => Some(1),
                Sex::Other => None,
            }),
            count: 2,
        },
        Attribute {
            name: "age (older or younger half)",
            values: each(&|example| Some(usize::from(example.age? >= median))),
            count: 2,
        },
    ]
}

/// Probe result of an attribute.
struct AttributeResult {
    name: &'static str,
    answer: ProbeResult,
    /// Skill score beyond the class: 0 for the class's information alone, 1 for perfect.
    skill: f64,
    /// Cramér's V of class and attribute, over all films.
    association: f64,
    verdict: Verdict,
}

/// Probes the features that the head reads for source, view, sex and age among films of one class.
///
/// The features are of the examples `held_out`, which the network was not trained on; `open` reads the film
/// of an example. Each accuracy of a linear classifier ([`probe`]) is compared with a null distribution from
/// permuting the attribute within classes, which removes the effect of the class. A predictable attribute is
/// a note, because features always hold such information. It is an alarm if the class is associated with the
/// attribute in `films`, the films of training and test: then the features can give the class without
/// disease.
///
/// # Errors
/// A film that cannot be read, or features that cannot be computed.
pub fn probe_features(
    network: &Network,
    preparation: &Preparation,
    films: &Films,
    held_out: &[usize],
    open: &(dyn Fn(usize) -> Result<Film, Error> + Sync),
    thresholds: &Thresholds,
) -> Result<Check, Error> {
    let features = features(network, preparation, held_out, open)?;
    let mut found = Vec::new();
    let mut untold = Vec::new();
    for attribute in attributes(films) {
        match probe_attribute(films, held_out, &features, &attribute, thresholds) {
            Ok(result) => found.push(result),
            Err(why) => untold.push(format!("{}: {why}", attribute.name)),
        }
    }
    let strongest = |a: &&AttributeResult, b: &&AttributeResult| {
        a.verdict.cmp(&b.verdict).then(a.skill.total_cmp(&b.skill))
    };
    let Some(worst) = found.iter().max_by(strongest) else {
        return Ok(FEATURES.impossible(untold.join("; ")));
    };
    let sentence = |result: &AttributeResult| {
        let (low, high) = result.answer.interval;
        format!(
            "{} {:.0} % (95 % {:.0} to {:.0}; {:.0} % dealt out anew, p = {:.3}; Cramér's V with the class {:.2})",
            result.name,
            100.0 * result.answer.accuracy,
            100.0 * low,
            100.0 * high,
            100.0 * result.answer.expected(),
            result.answer.p,
            result.association
        )
    };
    let mut says = format!(
        "from {} features of {} held-out films a linear classifier recognises, among films of one class: {}",
        network.architecture().features(),
        held_out.len(),
        found.iter().map(sentence).collect::<Vec<_>>().join("; ")
    );
    if !untold.is_empty() {
        says += &format!(". Not asked: {}", untold.join("; "));
    }
    let lines = found.iter().flat_map(|result| {
        let answer = &result.answer;
        [
            (result.name.to_owned(), answer.accuracy, answer.interval),
            (
                format!("{}, dealt out anew", result.name),
                answer.expected(),
                middle_95(&answer.null),
            ),
        ]
    });
    Ok(Check {
        value: Some(worst.skill),
        threshold: Some(thresholds.skill),
        p: Some(worst.answer.p),
        figure: Some(Figure::Intervals {
            axis: "share recognised, what is recognised evenly weighed".to_owned(),
            lines: lines.collect(),
        }),
        ..FEATURES.says(worst.verdict, says)
    })
}

/// `[held_out, features]`
fn features(
    network: &Network,
    preparation: &Preparation,
    held_out: &[usize],
    open: &(dyn Fn(usize) -> Result<Film, Error> + Sync),
) -> Result<Vec<Vec<f32>>, Error> {
    let width = network.architecture().features();
    let mut features = Vec::with_capacity(held_out.len());
    for batch in held_out.chunks(BATCH) {
        let grey = |&example: &usize| Ok(prepare(&open(example)?, preparation).unit_grey());
        let grey: Vec<Vec<f32>> = batch.par_iter().map(grey).collect::<Result<_, Error>>()?;
        let found = network.features(&grey.concat(), batch.len(), preparation.size)?;
        features.extend(found.chunks_exact(width).map(<[f32]>::to_vec));
    }
    Ok(features)
}

fn probe_attribute(
    films: &Films,
    held_out: &[usize],
    features: &[Vec<f32>],
    attribute: &Attribute,
    thresholds: &Thresholds,
) -> Result<AttributeResult, String> {
    let labels = films.labels();
    // Classes in which two values occur often enough to be on both sides of every fold.
    let mut counts: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for &example in held_out {
        if let Some(value) = attribute.values[example] {
            *counts.entry((labels[example], value)).or_default() += 1;
        }
    }
    let enough = |class: usize| {
        let of_class = counts.iter().filter(|((of, _), _)| *of == class);
        of_class
            .filter(|(_, count)| **count >= thresholds.probe.folds)
            .count()
            >= 2
    };
    let classes: BTreeSet<usize> = (0..films.classes.len()).filter(|class| enough(*class)).collect();
    if classes.is_empty() {
        return Err(match attribute.values.iter().flatten().next() {
            None => "the table does not say".to_owned(),
            Some(_) => "no class has enough held-out films of two kinds".to_owned(),
        });
    }
    let places: Vec<usize> = (0..held_out.len())
        .filter(|&place| {
            let example = held_out[place];
            classes.contains(&labels[example]) && attribute.values[example].is_some()
        })
        .collect();
    let of = |all: &[usize]| {
        places
            .iter()
            .map(|&place| all[held_out[place]])
            .collect::<Vec<_>>()
    };
    let values: Vec<usize> = attribute.values.iter().map(|value| value.unwrap_or(0)).collect();
    let patients = films.patients();
    let groups: Vec<String> = places
        .iter()
        .map(|&place| patients[held_out[place]].clone())
        .collect();
    let chosen: Vec<Vec<f32>> = places.iter().map(|&place| features[place].clone()).collect();
    let answer = probe::run_probe(
        &Probe {
            name: &format!("{}: {}", FEATURES.name, attribute.name),
            features: &chosen,
            classes: &of(&values),
            groups: &groups,
            strata: Some(&of(&labels)),
        },
        &thresholds.probe,
    )?;
    let skill = answer.skill_score_beyond_strata();
    let association = association(films, attribute);
    let verdict = match () {
        () if answer.p > thresholds.p || skill < thresholds.skill => Verdict::Pass,
        () if association < thresholds.association => Verdict::Note,
        () => Verdict::Alarm,
    };
    Ok(AttributeResult {
        name: attribute.name,
        answer,
        skill,
        association,
        verdict,
    })
}

/// Cramér's V of class and attribute over patients; 0 if one of them does not vary.
fn association(films: &Films, attribute: &Attribute) -> f64 {
    let mut counts = vec![vec![0; attribute.count]; films.classes.len()];
    let mut seen = BTreeSet::new();
    let films = films.examples.iter().zip(films.patients());
    for ((example, patient), value) in films.zip(&attribute.values) {
        if let Some(value) = *value
            && seen.insert((patient, example.class, value))
        {
            counts[example.class][value] += 1;
        }
    }
    cramers_v(&counts).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use pleura_nn::Cpu;
    use pleura_nn::architecture::Architecture;
    use pleura_nn::weights::{Normalisation, Weights};
    use rand::RngExt as _;

    use super::*;
    use crate::random::stream;

    const SIDE: usize = 48;

    /// Noise films of two classes. The second source has a brighter corner if `apart`; sources follow classes
    /// with strength `follow`.
    fn films(apart: bool, follow: f64) -> (Films, Vec<Film>) {
        let mut random = stream(5, "films");
        let (mut examples, mut drawn) = (Vec::new(), Vec::new());
        for number in 0..120usize {
            let class = number % 2;
            let other = random.random_bool(0.5 + follow * (class as f64 - 0.5));
            let grey = (0..SIDE * SIDE).map(|place| {
                let corner = place / SIDE < 16 && place % SIDE < 16;
                let light = if apart && other && corner { 0.4 } else { 0.0 };
                random.random_range(0.2..0.5) + light
            });
            drawn.push(Film::from_grey(SIDE, SIDE, grey.collect()).unwrap());
            examples.push(Example {
                flat: false,
                film: format!("{number}"),
                patient: format!("{number}"),
                source: if other { "north" } else { "south" }.to_owned(),
                class,
                view: String::new(),
                sex: None,
                age: Some(30.0 + (number * 7 % 40) as f32),
                child: Some(false),
                file: Vec::new(),
                picture: Vec::new(),
                lungs: None,
                lettering: Vec::new(),
            });
        }
        let classes = vec!["ill".to_owned(), "well".to_owned()];
        let films = Films {
            classes,
            examples,
            unreadable: Vec::new(),
        };
        (films, drawn)
    }

    fn check(apart: bool, follow: f64) -> Check {
        let (films, drawn) = films(apart, follow);
        let weights = Weights::initialise(
            &Architecture::by_name("small").unwrap(),
            &films.classes,
            Normalisation::NONE,
            1,
        );
        let preparation = Preparation {
            size: SIDE,
            ..Preparation::default()
        };
        let held_out: Vec<usize> = (0..films.examples.len()).collect();
        probe_features(
            &Network::new(Cpu::new(), &weights).unwrap(),
            &preparation,
            &films,
            &held_out,
            &|example| Ok(drawn[example].clone()),
            &Thresholds::default(),
        )
        .unwrap()
    }

    #[test]
    fn a_source_that_films_show_is_a_note_and_an_alarm_where_classes_go_along_with_it() {
        let shown = check(true, 0.0);
        assert_eq!(shown.verdict, Verdict::Note, "{}", shown.says);
        assert!(shown.value > Some(0.8), "{}", shown.says);
        assert!(
            shown
                .says
                .contains("Not asked: view: the table does not say; sex: the table does not say"),
            "{}",
            shown.says
        );
        let followed = check(true, 0.6);
        assert_eq!(followed.verdict, Verdict::Alarm, "{}", followed.says);
        let hidden = check(false, 0.6);
        assert_eq!(hidden.verdict, Verdict::Pass, "{}", hidden.says);
    }

    #[test]
    fn where_each_class_has_its_source_nothing_can_be_said() {
        let (mut films, drawn) = films(true, 1.0);
        for example in &mut films.examples {
            example.age = None;
        }
        let info = probe_attribute(
            &films,
            &(0..drawn.len()).collect::<Vec<_>>(),
            &vec![vec![0.0]; drawn.len()],
            &attributes(&films)[0],
            &Thresholds::default(),
        );
        assert_eq!(
            info.err().as_deref(),
            Some("no class has enough held-out films of two kinds")
        );
    }
}
