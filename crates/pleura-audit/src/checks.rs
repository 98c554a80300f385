//! The checks that films and their table allow, without a network.

mod probes;
mod tables;

pub(crate) use tables::cramers_v;

use pleura_data::CheckReport;

use crate::check::{Asked, Check, Verdict, literature};
use crate::films::{Films, any};
use crate::{Error, Thresholds};

/// All checks of films and their table, in the order in which they are read. `report` is of the whole manifest, where its splits were
/// looked at.
///
/// # Errors
/// None of the films could be read.
pub fn of_films(
    films: &Films,
    report: Option<&CheckReport>,
    thresholds: &Thresholds,
) -> Result<Vec<Check>, Error> {
    any(films)?;
    let mut checks: Vec<Check> = report.map(splits).into_iter().collect();
    checks.extend([
        readable(films),
        tables::sources(films, thresholds),
        tables::children(films, thresholds),
    ]);
    checks.extend(probes::all(films, thresholds));
    Ok(checks)
}

const SPLITS: Asked = Asked {
    name: "splits",
    asks: "Is a patient, a file or an image in two splits?",
    remedy: "split anew by patient (pleura data split), and leave one of two equal films out",
    literature: &[literature::ROBERTS],
};

fn splits(report: &CheckReport) -> Check {
    if report.splits.keys().filter(|split| !split.is_empty()).count() < 2 {
        return SPLITS.impossible("the films are in one split, or in none");
    }
    match report.faults.as_slice() {
        [] => SPLITS.says(
            Verdict::Quiet,
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

const READABLE: Asked = Asked {
    name: "files",
    asks: "Can every film be read?",
    remedy: "see which are missing with pleura data check: if they are of one class, the rest is no fair sample of it",
    literature: &[literature::ROBERTS],
};

fn readable(films: &Films) -> Check {
    match films.unreadable.as_slice() {
        [] => READABLE.says(
            Verdict::Quiet,
            format!("all {} films were read", films.examples.len()),
        ),
        [(film, reason), rest @ ..] => READABLE.says(
            Verdict::Note,
            format!(
                "{} of {} films could not be read; {film}: {reason}",
                rest.len() + 1,
                films.examples.len() + rest.len() + 1
            ),
        ),
    }
}
