//! Probes: can a class be predicted from data that should be unrelated to it?

use pleura_manifest::Sex;

use crate::Thresholds;
use crate::check::{Check, CheckInfo, Figure, Verdict, literature};
use crate::examples::{Example, Films, SIDE};
use crate::probe::{self, Probe, ProbeResult};

/// Width of the border in pixels of the small image: an eighth of the film.
const BORDER: usize = SIDE / 8;

pub(super) fn all(films: &Films, thresholds: &Thresholds) -> Vec<Check> {
    let probe = |info: CheckInfo, what: &str, features: Result<Vec<Vec<f32>>, String>| {
        let features = match features {
            Ok(features) => features,
            Err(why) => return info.impossible(why),
        };
        let question = Probe {
            name: info.name,
            features: &features,
            classes: &films.labels(),
            groups: &films.patients(),
            strata: None,
        };
        judged(
            info,
            what,
            &films.classes,
            probe::run_probe(&question, &thresholds.probe),
            thresholds,
        )
    };
    let each = |of: &dyn Fn(&Example) -> Vec<f32>| Ok(films.examples.iter().map(of).collect());
    vec![
        probe(
            FILE,
            "width, height, bits, colour and format of the file",
            each(&|example| example.file.clone()),
        ),
        probe(PERSON, "age, sex and view", person(films)),
        probe(
            LETTERING,
            "where lettering lies and how much of it",
            each(&|example| example.lettering.clone()),
        ),
        probe(BORDER_ONLY, "the outermost eighth of the films", each(&border)),
        probe(
            LUNGS_OUT,
            "the films with the lungs blacked out",
            without_lungs(films),
        ),
        sources(films, thresholds),
    ]
}

const FILE: CheckInfo = CheckInfo {
    name: "file",
    asks: "Do size and format of the file predict the class?",
    remedy: "convert all films to one size, shape and format before training, in the same way for every class; report the difference",
    literature: &[literature::DEGRAVE, literature::ROBERTS],
};
const PERSON: CheckInfo = CheckInfo {
    name: "person",
    asks: "Do age, sex and view predict the class?",
    remedy: "match the classes by age, sex and view, or report results within groups of them",
    literature: &[literature::ROBERTS, literature::ZECH],
};
const LETTERING: CheckInfo = CheckInfo {
    name: "lettering",
    asks: "Does burned-in text predict the class?",
    remedy: "cover text and markers in training and in use (see pleura audit text), or crop all films in the same way",
    literature: &[literature::DEGRAVE, literature::BASSI],
};
const BORDER_ONLY: CheckInfo = CheckInfo {
    name: "border",
    asks: "Does the border of the films predict the class?",
    remedy: "crop all films to the lungs (preparation.lungs), or train with ISNet; test on films of other sources",
    literature: &[literature::DEGRAVE, literature::MAGUOLO],
};
const LUNGS_OUT: CheckInfo = CheckInfo {
    name: "lungs-out",
    asks: "Can the class be predicted with the lungs blacked out?",
    remedy: "train on the lungs alone (preparation.lungs) or with ISNet; test on films of other sources",
    literature: &[literature::MAGUOLO, literature::ISNET],
};
const SOURCE: CheckInfo = CheckInfo {
    name: "source",
    asks: "Does a small image predict the source, among films of one class?",
    remedy: "sources look different: if class and source are associated, a network will use it; keep a whole source for testing",
    literature: &[literature::ZECH, literature::DEGRAVE],
};

fn judged(
    info: CheckInfo,
    what: &str,
    classes: &[String],
    answer: Result<ProbeResult, String>,
    thresholds: &Thresholds,
) -> Check {
    let answer = match answer {
        Ok(answer) => answer,
        Err(why) => return info.impossible(why),
    };
    let verdict = if answer.p <= thresholds.p && answer.skill_score() >= thresholds.skill {
        Verdict::Alarm
    } else if answer.p <= thresholds.p {
        Verdict::Note
    } else {
        Verdict::Pass
    };
    let named: Vec<&str> = answer
        .classes
        .iter()
        .map(|&class| classes[class].as_str())
        .collect();
    let (low, high) = answer.interval;
    let says = format!(
        "a linear classifier on {what} has a balanced accuracy of {:.0} % (95 % {:.0} to {:.0}) for {}; guessing has {:.0} % (p = {:.3}, {} patients)",
        100.0 * answer.accuracy,
        100.0 * low,
        100.0 * high,
        named.join(", "),
        100.0 * answer.chance,
        answer.p,
        answer.examples
    );
    Check {
        value: Some(answer.skill_score()),
        threshold: Some(thresholds.skill),
        p: Some(answer.p),
        figure: Some(Figure::Null {
            axis: "balanced accuracy".to_owned(),
            observed: answer.accuracy,
            interval: answer.interval,
            chance: answer.chance,
            null: answer.null,
        }),
        ..info.says(verdict, says)
    }
}

fn person(films: &Films) -> Result<Vec<Vec<f32>>, String> {
    let mut views: Vec<&str> = films
        .examples
        .iter()
        .map(|example| example.view.as_str())
        .collect();
    views.sort_unstable();
    views.dedup();
    let known =
        |example: &&Example| example.age.is_some() || example.sex.is_some() || !example.view.is_empty();
    if !films.examples.iter().any(|example| known(&example)) {
        return Err("the table has no ages, sexes or views".to_owned());
    }
    let ages: Vec<f32> = films.examples.iter().filter_map(|example| example.age).collect();
    let mean = ages.iter().sum::<f32>() / ages.len().max(1) as f32;
    let flag = |is: bool| f32::from(u8::from(is));
    // A missing value is a fact of the table too, and often specific to one class.
    let numbers = films.examples.iter().map(|example| {
        let age = (example.age.unwrap_or(mean) - mean) / 20.0;
        let mut row = vec![
            age,
            age * age,
            flag(example.age.is_none()),
            flag(example.sex == Some(Sex::Female)),
            flag(example.sex == Some(Sex::Male)),
        ];
        row.extend(views.iter().map(|view| flag(example.view == *view)));
        row
    });
    Ok(numbers.collect())
}

fn on_border(place: usize) -> bool {
    let inner = BORDER..SIDE - BORDER;
    !(inner.contains(&(place % SIDE)) && inner.contains(&(place / SIDE)))
}

fn border(example: &Example) -> Vec<f32> {
    let pixels = example.picture.iter().enumerate();
    pixels
        .filter(|(place, _)| on_border(*place))
        .map(|(_, level)| *level)
        .collect()
}

/// The share of films that need a lung mask: on a few, the segmentation network finds no plausible lungs.
const MASKED: f64 = 0.95;

/// The bounding box of the lungs is blacked out, because the lungs' shape carries information too. A film without
/// a mask is black as a whole.
fn without_lungs(films: &Films) -> Result<Vec<Vec<f32>>, String> {
    let masked = films
        .examples
        .iter()
        .filter(|example| example.lungs.is_some())
        .count();
    if (masked as f64) < MASKED * films.examples.len() as f64 {
        return Err(format!(
            "{masked} of {} films have a lung mask; `pleura data lungs` finds them",
            films.examples.len()
        ));
    }
    let numbers = films.examples.iter().map(|example| {
        let Some(lungs) = &example.lungs else {
            return vec![0.0; example.picture.len()];
        };
        let mut picture = example.picture.clone();
        let places: Vec<usize> = lungs
            .iter()
            .enumerate()
            .filter(|(_, inside)| **inside)
            .map(|(place, _)| place)
            .collect();
        if let Some(bounds) = crate::burned_in_text::Bounds::of(&places, SIDE) {
            for (place, level) in picture.iter_mut().enumerate() {
                if bounds.holds(place % SIDE, place / SIDE) {
                    *level = 0.0;
                }
            }
        }
        picture
    });
    Ok(numbers.collect())
}

/// Probes the source within classes, so that the class does not explain it.
fn sources(films: &Films, thresholds: &Thresholds) -> Check {
    let (names, sources) = films.sources();
    if names.len() < 2 {
        return SOURCE.impossible("all films are of one source");
    }
    let features: Vec<Vec<f32>> = films
        .examples
        .iter()
        .map(|example| example.picture.clone())
        .collect();
    let labels = films.labels();
    // If each class has one source, nothing can be compared within a class.
    let shared = (0..films.classes.len()).any(|class| {
        let mut of_class = sources
            .iter()
            .zip(&labels)
            .filter(|(_, label)| **label == class)
            .map(|(source, _)| source);
        let first = of_class.next();
        of_class.any(|source| Some(source) != first)
    });
    if !shared {
        return SOURCE.impossible("each class has one source: class and source cannot be separated");
    }
    let question = Probe {
        name: SOURCE.name,
        features: &features,
        classes: &sources,
        groups: &films.patients(),
        strata: Some(&labels),
    };
    let mut check = judged(
        SOURCE,
        "an image of 32 × 32 pixels",
        &names,
        probe::run_probe(&question, &thresholds.probe),
        thresholds,
    );
    // A visible source is harmful only if classes and sources are associated.
    check.verdict = check.verdict.min(Verdict::Note);
    check
}
