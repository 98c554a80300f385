//! Films that a dataset lists more than once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use pleura_manifest::{Label, OFFICIAL_SPLIT};

use super::{DatasetContent, FilmRecord, Findings};

/// Joins the rows of a film that is listed more than once. Rows that [agree](contradict) are one: its first. If
/// they do not, nobody can tell which is right, and the film is left out. Both are counted.
pub(crate) fn join(reading: &mut DatasetContent) {
    let mut rows: HashMap<&Path, Vec<usize>> = HashMap::new();
    for (place, record) in reading.records.iter().enumerate() {
        rows.entry(&record.file).or_default().push(place);
    }
    let repeated: BTreeSet<Vec<usize>> = rows.into_values().filter(|rows| rows.len() > 1).collect();
    if repeated.is_empty() {
        return;
    }
    let (mut again, mut contradicted) = (BTreeSet::new(), BTreeSet::new());
    let mut described_otherwise = Vec::new();
    for rows in &repeated {
        let film = |row: &usize| &reading.records[*row];
        if rows[1..].iter().any(|row| contradict(film(&rows[0]), film(row))) {
            contradicted.extend(rows.iter().copied());
        } else {
            again.extend(rows[1..].iter().copied());
            if rows[1..]
                .iter()
                .any(|row| !same_description(film(&rows[0]), film(row)))
            {
                described_otherwise.push(film(&rows[0]).film.clone());
            }
        }
    }
    let names = |rows: &BTreeSet<usize>| -> Vec<String> {
        rows.iter()
            .map(|&row| reading.records[row].film.clone())
            .collect()
    };
    let [again_names, mut contradicted_names] = [names(&again), names(&contradicted)];
    let left = reading.records.len() - again.len();
    let rows = contradicted_names.len();
    let mut place = 0;
    reading.records.retain(|_| {
        place += 1;
        !again.contains(&(place - 1)) && !contradicted.contains(&(place - 1))
    });
    reading.exclude_listed(
        "listed again with the same patient and findings",
        &again_names,
        left,
    );
    contradicted_names.dedup();
    reading.exclude_listed(
        "listed more than once, and the rows contradict each other",
        &contradicted_names,
        left - rows,
    );
    if let Some(step) = reading.steps.last_mut() {
        // Each row of the film was listed.
        step.excluded = rows;
    }
    reading.remark(
        "listed again with another view, sex or age: those of the first row are used",
        &described_otherwise,
    );
}

/// True if two rows cannot both be right: another patient, other findings, or another official split.
pub(crate) fn contradict(one: &FilmRecord, other: &FilmRecord) -> bool {
    let listed = |record: &FilmRecord| record.notes.get(OFFICIAL_SPLIT).cloned();
    one.patient != other.patient
        || stated(&one.findings) != stated(&other.findings)
        || differ(one.split, other.split)
        || differ(listed(one), listed(other))
}

fn differ<T: PartialEq>(one: Option<T>, other: Option<T>) -> bool {
    matches!((one, other), (Some(one), Some(other)) if one != other)
}

fn same_description(one: &FilmRecord, other: &FilmRecord) -> bool {
    (&one.view, one.sex, one.age) == (&other.view, other.sex, other.age)
}

/// Findings without the order in which a row names them: labels that are known, and paths.
fn stated(findings: &Findings) -> (BTreeMap<&str, Label>, BTreeSet<Vec<String>>) {
    let labels = match findings {
        Findings::Labelled(labels) | Findings::Hierarchical(labels, _) => labels
            .iter()
            .filter(|&(_, &label)| label != Label::Unknown)
            .map(|(name, &label)| (name.as_str(), label))
            .collect(),
        Findings::Unstated | Findings::Named(_) => BTreeMap::new(),
    };
    (labels, findings.present().into_iter().collect())
}
