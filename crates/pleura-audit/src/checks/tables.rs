//! Association of class with source and age in the table; no film is read.

use rand::seq::SliceRandom as _;

use crate::Thresholds;
use crate::check::{Check, CheckInfo, Figure, Verdict, literature};
use crate::examples::Films;
use crate::random::stream;

const SOURCES: CheckInfo = CheckInfo {
    name: "class-source",
    asks: "Is the class associated with the source of the film?",
    remedy: "bring in films of every class from every source, or report results of each source apart; a network can tell sources, and here \
             that tells it the class",
    literature: &[literature::MAGUOLO, literature::ROBERTS, literature::CRAMER],
};

/// Bias-corrected Cramér's V of a table of counts (Bergsma 2013): 0 for independent rows and columns, 1 if
/// one determines the other.
pub(crate) fn cramers_v(counts: &[Vec<usize>]) -> Option<f64> {
    let rows: Vec<f64> = counts
        .iter()
        .map(|row| row.iter().sum::<usize>() as f64)
        .collect();
    let width = counts.first()?.len();
    let columns: Vec<f64> = (0..width)
        .map(|column| counts.iter().map(|row| row[column]).sum::<usize>() as f64)
        .collect();
    let n: f64 = rows.iter().sum();
    let filled = |sums: &[f64]| sums.iter().filter(|sum| **sum > 0.0).count() as f64;
    let (r, k) = (filled(&rows), filled(&columns));
    if r < 2.0 || k < 2.0 || n < 2.0 {
        return None;
    }
    let mut squares = 0.0;
    for (row, counts) in rows.iter().zip(counts) {
        for (column, &count) in columns.iter().zip(counts) {
            let expected = row * column / n;
            if expected > 0.0 {
                squares += (count as f64 - expected).powi(2) / expected;
            }
        }
    }
    let phi = (squares / n - (r - 1.0) * (k - 1.0) / (n - 1.0)).max(0.0);
    let corrected = |size: f64| size - (size - 1.0).powi(2) / (n - 1.0);
    let most = (corrected(r) - 1.0).min(corrected(k) - 1.0);
    (most > 0.0).then(|| (phi / most).sqrt().min(1.0))
}

fn crossed(films: &[(usize, usize)], rows: usize, columns: usize) -> Vec<Vec<usize>> {
    let mut counts = vec![vec![0; columns]; rows];
    for &(row, column) in films {
        counts[row][column] += 1;
    }
    counts
}

pub(super) fn sources(films: &Films, thresholds: &Thresholds) -> Check {
    let (names, places) = films.sources();
    if names.len() < 2 {
        return SOURCES.impossible("all films are of one source");
    }
    let placed = || films.examples.iter().zip(places.iter().copied());
    let all: Vec<(usize, usize)> = placed().map(|(example, place)| (example.class, place)).collect();
    // A patient counts once per class and source, because films of one patient are not independent.
    let mut seen = std::collections::BTreeSet::new();
    let mut independent: Vec<(usize, usize)> = placed()
        .filter(|(example, place)| seen.insert((&example.patient, *place, example.class)))
        .map(|(example, place)| (example.class, place))
        .collect();
    let counts = crossed(&all, films.classes.len(), names.len());
    let table = crossed(&independent, films.classes.len(), names.len());
    let Some(v) = cramers_v(&table) else {
        return SOURCES.impossible("all films are of one class");
    };
    let settings = &thresholds.probe;
    let n = independent.len();
    let as_much = (0..settings.permutations)
        .filter(|number| {
            let mut random = stream(settings.seed, &format!("{}: permutation {number}", SOURCES.name));
            let mut dealt: Vec<usize> = independent.iter().map(|(_, source)| *source).collect();
            dealt.shuffle(&mut random);
            for (pair, source) in independent.iter_mut().zip(dealt) {
                pair.1 = source;
            }
            let table = crossed(&independent, films.classes.len(), names.len());
            cramers_v(&table).is_some_and(|other| other >= v - 1e-12)
        })
        .count();
    let p = (1 + as_much) as f64 / (1 + settings.permutations) as f64;
    let verdict = match v {
        _ if p > thresholds.p => Verdict::Pass,
        v if v >= thresholds.association_block => Verdict::Block,
        v if v >= thresholds.association => Verdict::Alarm,
        _ => Verdict::Note,
    };
    let alone: Vec<&str> = counts
        .iter()
        .zip(&films.classes)
        .filter(|(row, _)| row.iter().filter(|count| **count > 0).count() == 1)
        .map(|(_, class)| class.as_str())
        .collect();
    let alone = if alone.is_empty() {
        String::new()
    } else {
        format!("; classes of a single source: {}", alone.join(", "))
    };
    let says = format!("Cramér's V of class and source is {v:.2}, p = {p:.3} over {n} patients{alone}");
    Check {
        value: Some(v),
        threshold: Some(thresholds.association),
        p: Some(p),
        figure: Some(Figure::Counts {
            axis: "source".to_owned(),
            rows: films.classes.clone(),
            columns: names,
            counts,
        }),
        ..SOURCES.says(verdict, says)
    }
}

const CONTRAST: CheckInfo = CheckInfo {
    name: "contrast",
    asks: "Are there films without contrast, and are they of one class?",
    remedy: "export these films again (window, bit depth); training leaves out those that the manifest marks in note:contrast",
    literature: &[literature::ROBERTS],
};

/// Share of a class from which films without contrast are an alarm: a network can learn the class from them.
const FLAT_ALARM: f64 = 0.05;

pub(super) fn contrast(films: &Films) -> Check {
    let mut counts = vec![vec![0; 2]; films.classes.len()];
    for example in &films.examples {
        counts[example.class][usize::from(!example.flat)] += 1;
    }
    let flat: usize = counts.iter().map(|row| row[0]).sum();
    if flat == 0 {
        return CONTRAST.says(Verdict::Pass, "every film has contrast".to_owned());
    }
    let share = |row: &Vec<usize>| row[0] as f64 / (row[0] + row[1]).max(1) as f64;
    let most = counts.iter().map(share).fold(0.0, f64::max);
    let verdict = if most >= FLAT_ALARM {
        Verdict::Alarm
    } else {
        Verdict::Note
    };
    let listed: Vec<String> = counts
        .iter()
        .zip(&films.classes)
        .filter(|(row, _)| row[0] > 0)
        .map(|(row, class)| format!("{} of {} of {class}", row[0], row[0] + row[1]))
        .collect();
    Check {
        value: Some(most),
        threshold: Some(FLAT_ALARM),
        figure: Some(Figure::Counts {
            axis: "contrast".to_owned(),
            rows: films.classes.clone(),
            columns: vec!["without contrast".to_owned(), "with contrast".to_owned()],
            counts,
        }),
        ..CONTRAST.says(
            verdict,
            format!("{flat} films have no contrast: {}", listed.join(", ")),
        )
    }
}

const CHILDREN: CheckInfo = CheckInfo {
    name: "children",
    asks: "Are the patients of one class children and those of another adults?",
    remedy: "leave out the children, or add children to every class",
    literature: &[literature::ROBERTS],
};

pub(super) fn children(films: &Films, thresholds: &Thresholds) -> Check {
    let mut counts = vec![vec![0; 3]; films.classes.len()];
    for example in &films.examples {
        let column = match example.child {
            Some(true) => 0,
            Some(false) => 1,
            None => 2,
        };
        counts[example.class][column] += 1;
    }
    // Share of children among films of known age, for classes with ten such films or more.
    let shares: Vec<(usize, f64)> = counts
        .iter()
        .enumerate()
        .filter(|(_, row)| row[0] + row[1] >= 10)
        .map(|(class, row)| (class, row[0] as f64 / (row[0] + row[1]) as f64))
        .collect();
    if shares.len() < 2 {
        return CHILDREN.impossible("fewer than two classes have ten films of known age");
    }
    let by_share = |a: &&(usize, f64), b: &&(usize, f64)| a.1.total_cmp(&b.1);
    let (Some(least), Some(most)) = (shares.iter().min_by(by_share), shares.iter().max_by(by_share)) else {
        return CHILDREN.impossible("no ages are known");
    };
    let difference = most.1 - least.1;
    let verdict = match difference {
        d if d >= thresholds.children => Verdict::Alarm,
        d if d >= thresholds.children_note => Verdict::Note,
        _ => Verdict::Pass,
    };
    let says = format!(
        "{:.0} % of the films of {} are of patients under 18, {:.0} % of those of {}",
        100.0 * most.1,
        films.classes[most.0],
        100.0 * least.1,
        films.classes[least.0]
    );
    Check {
        value: Some(difference),
        threshold: Some(thresholds.children),
        figure: Some(Figure::Counts {
            axis: "age".to_owned(),
            rows: films.classes.clone(),
            columns: vec![
                "under 18".to_owned(),
                "18 and over".to_owned(),
                "unknown".to_owned(),
            ],
            counts,
        }),
        ..CHILDREN.says(verdict, says)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_association_is_none_some_or_all() {
        assert_eq!(cramers_v(&[vec![10, 10], vec![10, 10]]), Some(0.0));
        assert!((cramers_v(&[vec![50, 0], vec![0, 50]]).unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(cramers_v(&[vec![10, 0], vec![20, 0]]), None);
        // Bergsma's correction by hand: φ² = (40² + 4·…)/… of [[30, 10], [10, 30]] is 0.25.
        let v = cramers_v(&[vec![30, 10], vec![10, 30]]).unwrap();
        let (phi, most): (f64, f64) = (0.25 - 1.0 / 79.0, 1.0 - 1.0 / 79.0);
        assert!((v - (phi / most).sqrt()).abs() < 1e-12);
    }
}
