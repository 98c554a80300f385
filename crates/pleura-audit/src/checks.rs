//! Checks that need films and their table, but no network.

mod probes;
mod tables;

pub(crate) use tables::cramers_v;

use pleura_data::{CheckReport, Fault};

use crate::check::{Check, CheckInfo, Verdict, literature};
use crate::examples::{Films, any};
use crate::{Error, Thresholds};

/// All checks of films and their table, in reading order. `report` covers the whole manifest, if its splits
/// were checked.
///
/// # Errors
/// None of the films could be read.
pub fn check_films(
    films: &Films,
    report: Option<&CheckReport>,
    thresholds: &Thresholds,
) -> Result<Vec<Check>, Error> {
    any(films)?;
    let mut checks: Vec<Check> = report.map(splits).into_iter().collect();
    checks.extend([
        readable(films, report),
        tables::contrast(films),
        tables::sources(films, thresholds),
        tables::children(films, thresholds),
    ]);
    checks.extend(probes::all(films, thresholds));
    Ok(checks)
}

const SPLITS: CheckInfo = CheckInfo {
    name: "splits",
    asks: "Is a patient, a file or an image in two splits?",
    remedy: "split by patient again (pleura data split), and leave out one of two equal films",
    literature: &[literature::ROBERTS],
};

fn splits(report: &CheckReport) -> Check {
    if report.splits.keys().filter(|split| !split.is_empty()).count() < 2 {
        return SPLITS.impossible("the films are in one split, or in none");
    }
    // An unreadable film, or one that differs from its digest, is still in one split only.
    let astride = |fault: &&Fault| !matches!(fault, Fault::Changed { .. } | Fault::Unreadable { .. });
    let faults: Vec<&Fault> = report.faults.iter().filter(astride).collect();
    match faults.as_slice() {
        [] => SPLITS.says(
            Verdict::Pass,
            format!(
                "no patient, file or image of {} films of {} patients is in two splits",
                report.films, report.patients
            ),
        ),
        [first, rest @ ..] => {
            let more = if rest.is_empty() {
                String::new()
            } else {
                format!(", and {} more", rest.len())
            };
            SPLITS.says(Verdict::Block, format!("{first}{more}"))
        }
    }
}

const READABLE: CheckInfo = CheckInfo {
    name: "files",
    asks: "Can every film be read, and does it match the table?",
    remedy: "list them with pleura data check: if they are of one class, the remaining films are a biased sample",
    literature: &[literature::ROBERTS],
};

/// Counts over the whole table if there is a report of it, otherwise over the films of the audit.
fn readable(films: &Films, report: Option<&CheckReport>) -> Check {
    let (mut unreadable, mut changed): (Vec<(&str, &str)>, Vec<&str>) = (Vec::new(), Vec::new());
    for fault in report.iter().flat_map(|report| &report.faults) {
        match fault {
            Fault::Unreadable { film, reason } => unreadable.push((film, reason)),
            Fault::Changed { film, .. } => changed.push(film),
            _ => {}
        }
    }
    // An unreadable lung mask is not a fault of the table, but its film cannot be audited.
    for (film, reason) in &films.unreadable {
        if unreadable.iter().all(|(other, _)| other != film) {
            unreadable.push((film, reason));
        }
    }
    let read = films.examples.len();
    let total = report.map_or(read + films.unreadable.len(), |report| report.films);
    let mut found = Vec::new();
    if let Some((film, reason)) = unreadable.first() {
        found.push(format!(
            "{} of {total} films could not be read; {film}: {reason}",
            unreadable.len()
        ));
    }
    if let Some(film) = changed.first() {
        found.push(format!(
            "{} of {total} films do not match the table, such as {film}",
            changed.len()
        ));
    }
    if found.is_empty() {
        return READABLE.says(Verdict::Pass, format!("all {total} films were read"));
    }
    READABLE.says(Verdict::Note, found.join("; "))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use pleura_data::FilmInSplit;
    use pleura_manifest::Split;

    use super::*;

    fn report(faults: Vec<Fault>) -> CheckReport {
        CheckReport {
            films: 8,
            patients: 4,
            splits: BTreeMap::from([("train".to_owned(), 6), ("test".to_owned(), 2)]),
            faults,
            remarks: Vec::new(),
        }
    }

    #[test]
    fn a_film_that_cannot_be_read_is_in_no_two_splits() {
        let films = Films {
            classes: Vec::new(),
            examples: Vec::new(),
            unreadable: vec![("b".to_owned(), "no mask".to_owned())],
        };
        let gone = || Fault::Unreadable {
            film: "a".to_owned(),
            reason: "cut short".to_owned(),
        };
        let changed = Fault::Changed {
            film: "c".to_owned(),
            path: PathBuf::from("c.png"),
        };
        let found = report(vec![gone(), changed]);
        assert_eq!(splits(&found).verdict, Verdict::Pass);
        let files = readable(&films, Some(&found));
        assert_eq!(files.verdict, Verdict::Note);
        assert_eq!(
            files.says,
            "2 of 8 films could not be read; a: cut short; 1 of 8 films do not match the table, such as c"
        );
        let place = |film: &str, split| FilmInSplit {
            film: film.to_owned(),
            split,
        };
        let patient = Fault::Patient {
            patient: "p".to_owned(),
            films: vec![place("d", Split::Train), place("e", Split::Test)],
        };
        let found = splits(&report(vec![gone(), patient]));
        assert_eq!(found.verdict, Verdict::Block);
        assert!(found.says.starts_with("patient p is in two splits") && !found.says.contains("more"));
    }
}
