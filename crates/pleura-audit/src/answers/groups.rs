//! Whether some people get worse answers than others.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use pleura_data::{Manifest, Row, Sex};
use pleura_eval::clopper_pearson_over_patients;
use rand::seq::SliceRandom as _;

use super::{Answered, by_patient};
use crate::Thresholds;
use crate::check::{Asked, Check, Figure, Verdict, literature};
use crate::random::stream;

/// Films, of as many patients, that a group needs to be compared.
const LEAST: usize = 20;

const GROUPS: Asked = Asked {
    name: "subgroups",
    asks: "Do answers get worse for one sex, age, view or source?",
    remedy: "report each group apart, with its interval; look for what differs in its films",
    literature: &[literature::SEYYED, literature::ROBERTS],
};

/// A way to part people: its name and the part that a film is in.
type Partition = (&'static str, fn(&Row) -> Option<String>);

fn partitions() -> [Partition; 4] {
    let sex = |row: &Row| match row.sex? {
        Sex::Female => Some("women".to_owned()),
        Sex::Male => Some("men".to_owned()),
        Sex::Other => None,
    };
    let age = |row: &Row| {
        let band = match row.age? {
            age if age < 18.0 => "under 18",
            age if age < 40.0 => "18 to 39",
            age if age < 60.0 => "40 to 59",
            age if age < 80.0 => "60 to 79",
            _ => "80 and over",
        };
        Some(band.to_owned())
    };
    let view = |row: &Row| (!row.view.is_empty()).then(|| row.view.clone());
    let source = |row: &Row| (!row.dataset.is_empty()).then(|| row.dataset.clone());
    [("sex", sex), ("age", age), ("view", view), ("source", source)]
}

/// Largest difference in accuracy between groups, classes weighed alike in each: a group with more of a difficult class is not treated
/// worse for it.
fn spread(groups: &[Vec<usize>], right: &[bool], classes: &[usize]) -> f64 {
    let accuracy = |group: &Vec<usize>| {
        let mut of_class: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
        for &film in group {
            let count = of_class.entry(classes[film]).or_default();
            *count = (count.0 + f64::from(u8::from(right[film])), count.1 + 1.0);
        }
        of_class.values().map(|(right, of)| right / of).sum::<f64>() / of_class.len().max(1) as f64
    };
    let all = groups.iter().map(accuracy);
    let (low, high) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    high - low
}

/// The first film of each patient and class: films of one patient are answered alike, and chance would be taken for less than it is.
fn independent(films: &[usize], answers: &[Answered]) -> Vec<usize> {
    let mut seen = BTreeSet::new();
    let first = |film: &usize| seen.insert((&answers[*film].patient, answers[*film].class));
    films.iter().copied().filter(first).collect()
}

pub(super) fn check(answers: &[Answered], manifest: &Manifest, thresholds: &Thresholds) -> Check {
    let rows: HashMap<&str, &Row> = manifest.rows.iter().map(|row| (row.film.as_str(), row)).collect();
    let classes: Vec<usize> = answers.iter().map(|answer| answer.class).collect();
    let right: Vec<bool> = answers.iter().map(|answer| answer.right).collect();
    let mut worst: Option<(&str, f64, f64)> = None;
    let (mut lines, mut asked) = (Vec::new(), 0usize);
    for (name, part) in partitions() {
        let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (film, answer) in answers.iter().enumerate() {
            if let Some(group) = rows.get(answer.film.as_str()).and_then(|row| part(row)) {
                groups.entry(group).or_default().push(film);
            }
        }
        groups.retain(|_, films| independent(films, answers).len() >= LEAST);
        if groups.len() < 2 {
            continue;
        }
        asked += 1;
        for (group, films) in &groups {
            let of_group = || films.iter().map(|&film| &answers[film]);
            let share = of_group().filter(|answer| answer.right).count() as f64 / films.len() as f64;
            let interval = clopper_pearson_over_patients(&by_patient(of_group()), 0.95).unwrap_or((0.0, 1.0));
            lines.push((format!("{name}: {group}"), share, interval));
        }
        let groups: Vec<Vec<usize>> = groups.values().map(|films| independent(films, answers)).collect();
        let observed = spread(&groups, &right, &classes);
        let p = chance_of(observed, &groups, (&right, &classes), name, thresholds);
        if worst.is_none_or(|(_, _, other)| p < other) {
            worst = Some((name, observed, p));
        }
    }
    let Some((name, difference, p)) = worst else {
        return GROUPS.impossible(format!(
            "no two sexes, ages, views or sources have test films of {LEAST} patients each"
        ));
    };
    // Bonferroni: so many ways of parting people were tried.
    let p = (p * asked as f64).min(1.0);
    let verdict = match (p <= thresholds.subgroups_p, difference >= thresholds.subgroups) {
        (true, true) => Verdict::Alarm,
        (true, false) => Verdict::Note,
        _ => Verdict::Quiet,
    };
    let says = format!(
        "the largest difference that chance does not explain best is by {name}: {:.1} points of accuracy, classes weighed alike; p = {p:.3} after \
         {asked} ways to part people",
        100.0 * difference
    );
    Check {
        value: Some(difference),
        threshold: Some(thresholds.subgroups),
        p: Some(p),
        figure: Some(Figure::Intervals {
            axis: "accuracy".to_owned(),
            lines,
        }),
        ..GROUPS.says(verdict, says)
    }
}

/// How often right answers, dealt out anew within each class, differ as much between the groups.
fn chance_of(
    observed: f64,
    groups: &[Vec<usize>],
    (right, classes): (&[bool], &[usize]),
    name: &str,
    thresholds: &Thresholds,
) -> f64 {
    let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for &film in groups.iter().flatten() {
        members.entry(classes[film]).or_default().push(film);
    }
    let permutations = thresholds.probe.permutations;
    let as_much = (0..permutations).filter(|number| {
        let mut random = stream(
            thresholds.probe.seed,
            &format!("subgroups by {name}: permutation {number}"),
        );
        let mut dealt = right.to_vec();
        for films in members.values() {
            let mut of_class: Vec<bool> = films.iter().map(|&film| right[film]).collect();
            of_class.shuffle(&mut random);
            for (&film, right) in films.iter().zip(of_class) {
                dealt[film] = right;
            }
        }
        spread(groups, &dealt, classes) >= observed - 1e-12
    });
    (1 + as_much.count()) as f64 / (1 + permutations) as f64
}
