//! Classes told from what should say nothing of them.

use pleura_data::Sex;

use crate::Thresholds;
use crate::check::{Check, CheckInfo, Figure, Verdict, literature};
use crate::examples::{Example, Films, SIDE};
use crate::probe::{self, Probe, ProbeResult};

/// Width of the frame that counts as border, in small pixels: an eighth of the film.
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
    asks: "Do size and format of the file give the class away?",
    remedy: "bring all films to one size, shape and format before training, by a step that does not know the class; say in the paper that they differed",
    literature: &[literature::DEGRAVE, literature::ROBERTS],
};
const PERSON: CheckInfo = CheckInfo {
    name: "person",
    asks: "Do age, sex and view give the class away?",
    remedy: "match the classes by age, sex and view, or report results within groups of them",
    literature: &[literature::ROBERTS, literature::ZECH],
};
const LETTERING: CheckInfo = CheckInfo {
    name: "lettering",
    asks: "Does lettering on the films give the class away?",
    remedy: "cover words and markers in training and in use (see pleura audit words), or crop them away on all films alike",
    literature: &[literature::DEGRAVE, literature::BASSI],
};
const BORDER_ONLY: CheckInfo = CheckInfo {
    name: "border",
    asks: "Does the border of the films, without the lungs, give the class away?",
    remedy: "crop all films alike, train with lung masks (ISNet), and test on films from elsewhere",
    literature: &[literature::DEGRAVE, literature::MAGUOLO],
};
const LUNGS_OUT: CheckInfo = CheckInfo {
    name: "lungs-out",
    asks: "Can the class be told with the lungs blacked out?",
    remedy: "train with lung masks (ISNet), and test on films from elsewhere",
    literature: &[literature::MAGUOLO, literature::ISNET],
};
const SOURCE: CheckInfo = CheckInfo {
    name: "source",
    asks: "Can a film's source be told from a small picture of it, among films of one class?",
    remedy: "sources look different: where class and source go together, a network will use it; keep a whole source out for testing",
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
        Verdict::Quiet
    };
    let named: Vec<&str> = answer
        .classes
        .iter()
        .map(|&class| classes[class].as_str())
        .collect();
    let (low, high) = answer.interval;
    let says = format!(
        "from {what} a linear classifier recognises {:.0} % (95 % {:.0} to {:.0}) of {} evenly weighed, where guessing gives {:.0} %; p = {:.3} over {} patients",
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
            axis: "share recognised, mean over classes".to_owned(),
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
        return Err("the table has neither ages nor sexes nor views".to_owned());
    }
    let ages: Vec<f32> = films.examples.iter().filter_map(|example| example.age).collect();
    let mean = ages.iter().sum::<f32>() / ages.len().max(1) as f32;
    let flag = |is: bool| f32::from(u8::from(is));
    // That something is not known is a fact of the table too, and often of one class alone.
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

/// Blacked out is the box around the lungs, since their shape is part of what they show.
fn without_lungs(films: &Films) -> Result<Vec<Vec<f32>>, String> {
    let masked = films
        .examples
        .iter()
        .filter(|example| example.lungs.is_some())
        .count();
    if masked < films.examples.len() {
        return Err(format!(
            "{masked} of {} films have a lung mask",
            films.examples.len()
        ));
    }
    let numbers = films.examples.iter().map(|example| {
        let mut picture = example.picture.clone();
        let places: Vec<usize> = example
            .lungs
            .iter()
            .flatten()
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

/// Sources within classes: what the class explains is no sign of the source.
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
    // Where each class has one source there is nothing to compare within.
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
        return SOURCE.impossible("each class is of one source: class and source cannot be told apart");
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
        "a picture of 32 × 32 pixels",
        &names,
        probe::run_probe(&question, &thresholds.probe),
        thresholds,
    );
    // By itself it harms nobody; with classes that go along with sources it does.
    check.verdict = check.verdict.min(Verdict::Note);
    check
}
