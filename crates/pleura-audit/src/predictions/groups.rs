//! Subgroups: does accuracy differ by sex, age, view or source?

use std::collections::{BTreeMap, BTreeSet, HashMap};

use pleura_eval::clopper_pearson_over_patients;
use pleura_manifest::{Manifest, Row, Sex};
use rand::seq::SliceRandom as _;

use super::{Answered, by_patient};
use crate::Thresholds;
use crate::check::{Check, CheckInfo, Figure, Verdict, literature};
use crate::random::stream;

/// Minimum number of films (one per patient) of a subgroup.
const LEAST: usize = 20;

pub(super) const GROUPS: CheckInfo = CheckInfo {
    name: "subgroups",
    asks: "Is accuracy lower for one sex, age, view or source?",
    remedy: "report each group separately, with its interval; look for differences in its films",
    literature: &[literature::SEYYED, literature::ROBERTS],
};

/// A partition of films: its name, and the part of a film.
type Partition = (&'static str, fn(&Row) -> Option<String>);

/// Number of partitions; p values are multiplied by it (Bonferroni).
pub const PARTITIONS: usize = 4;

fn partitions() -> [Partition; PARTITIONS] {
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

/// Largest difference in accuracy between groups, with classes weighted equally: a group with more films of a
/// difficult class is not worse for it.
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

/// The first film of each patient and class: films of one patient are correlated, so chance differences would
/// be underestimated.
fn independent(films: &[usize], answers: &[Answered]) -> Vec<usize> {
    let mut seen = BTreeSet::new();
    let first = |film: &usize| seen.insert((&answers[*film].patient, answers[*film].class));
    films.iter().copied().filter(first).collect()
}

pub(super) fn check(answers: &[Answered], manifest: &Manifest, thresholds: &Thresholds) -> Check {
    let rows: HashMap<&str, &Row> = manifest.rows.iter().map(|row| (row.film.as_str(), row)).collect();
    let classes: Vec<usize> = answers.iter().map(|answer| answer.class).collect();
    let right: Vec<bool> = answers.iter().map(|answer| answer.right).collect();
    let (mut lines, mut found) = (Vec::new(), Vec::new());
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
        for (group, films) in &groups {
            let of_group = || films.iter().map(|&film| &answers[film]);
            let share = of_group().filter(|answer| answer.right).count() as f64 / films.len() as f64;
            let interval = clopper_pearson_over_patients(&by_patient(of_group()), 0.95).unwrap_or((0.0, 1.0));
            lines.push((format!("{name}: {group}"), share, interval));
        }
        let groups: Vec<Vec<usize>> = groups.values().map(|films| independent(films, answers)).collect();
        let observed = spread(&groups, &right, &classes);
        let p = chance_of(observed, &groups, (&right, &classes), name, thresholds);
        found.push((name, observed, p));
    }
    let info = found.len();
    // Judge each partition: a small but certain difference must not hide a large and nearly certain one.
    let judged = found.into_iter().map(|(name, difference, p)| {
        // Bonferroni: this many partitions were tested.
        let p = (p * info as f64).min(1.0);
        let verdict = match (p <= thresholds.subgroups_p, difference >= thresholds.subgroups) {
            (true, true) => Verdict::Alarm,
            (true, false) => Verdict::Note,
            _ => Verdict::Pass,
        };
        (verdict, difference, name, p)
    });
    let worst = judged.max_by(|one, other| one.0.cmp(&other.0).then(one.1.total_cmp(&other.1)));
    let Some((verdict, difference, name, p)) = worst else {
        return GROUPS.impossible(format!(
            "no two sexes, ages, views or sources have test films of {LEAST} patients each"
        ));
    };
    let says = format!(
        "by {name}, {:.1} points of accuracy lie between the best group and the worst, classes weighed alike; p = {p:.3} after {info} ways to \
         part people",
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

/// p of such a difference under permutation of correct predictions within each class.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_difference_that_is_certain_hides_no_large_one() {
        let mut manifest = Manifest::new(std::path::Path::new("."), vec!["one".to_owned()]);
        let mut answers = Vec::new();
        // Women (half of the films) have an accuracy 6 points lower; supine films (one in twenty) nearly 12
        // points lower.
        for film in 0..800 {
            let lying = film % 20 == 0;
            let wrong = match film {
                1..=4 => true,
                400..=519 => lying,
                521..=543 => !lying,
                _ => false,
            };
            let name = format!("film-{film}");
            manifest.rows.push(Row {
                film: name.clone(),
                sex: Some(if film < 400 { Sex::Male } else { Sex::Female }),
                view: if lying { "AP supine" } else { "PA" }.to_owned(),
                ..Row::default()
            });
            answers.push(Answered {
                patient: (String::new(), name.clone()),
                film: name,
                class: 0,
                sure: 1.0,
                right: !wrong,
            });
        }
        let found = check(&answers, &manifest, &Thresholds::default());
        assert_eq!(found.verdict, Verdict::Alarm, "{}", found.says);
        assert!(found.says.starts_with("by view, 11.6 points"), "{}", found.says);
    }
}
