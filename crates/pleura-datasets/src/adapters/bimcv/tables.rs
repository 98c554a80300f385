//! The tables of BIMCV-COVID19: patients, report labels, and COVID-19 tests.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use pleura_core::table::is_missing;

use crate::Error;
use crate::adapters::{Age, age, films, list, sex};
use crate::table::Table;
use pleura_manifest::Sex;

/// The tables of one half.
pub(super) struct Tables {
    /// By `sub-…`.
    pub(super) people: HashMap<String, Person>,
    /// Labels of each session, by `ses-…`.
    pub(super) labels: HashMap<String, Vec<String>>,
    /// Sessions with a truncated list of labels.
    pub(super) cut_off: HashSet<String>,
    /// Sessions with two lists of labels that differ.
    pub(super) contradicted: HashSet<String>,
    /// Day of each session, in days since 1970.
    dates: HashMap<String, i64>,
    /// Tests of each patient: day and result.
    tests: HashMap<String, Vec<(i64, &'static str)>>,
    /// The files that were read.
    pub(super) files: Vec<PathBuf>,
}

/// A patient.
pub(super) struct Person {
    pub(super) sex: Option<Sex>,
    /// Mean age, if sessions give several.
    pub(super) age: Age,
}

impl Tables {
    pub(super) fn read(root: &Path) -> Result<Self, Error> {
        let participants = root.join("participants.tsv");
        let mut tables = Self {
            people: people(&Table::read(&participants)?)?,
            labels: HashMap::new(),
            cut_off: HashSet::new(),
            contradicted: HashSet::new(),
            dates: HashMap::new(),
            tests: HashMap::new(),
            files: vec![participants],
        };
        let derived = root.join("derivatives");
        for path in of_kind(&derived.join("labels"), &["tsv"])? {
            let table = Table::read(&path)?;
            // Other tables may lie in the same folder.
            if let (Some(session), Some(labels)) = (table.column(&["ReportID"]), table.column(&["Labels"])) {
                for row in table.rows() {
                    let session = prefixed("ses-", row.cell(session));
                    let list = match (list::elements(row.cell(labels)), row.cell(labels)) {
                        (Some(list), _) => list,
                        (None, text) if is_missing(text) => Vec::new(),
                        (None, text) if text.starts_with('[') => {
                            tables.cut_off.insert(session);
                            continue;
                        }
                        (None, _) => {
                            return Err(row.fault(labels, "a list such as ['pneumonia'], or nothing"));
                        }
                    };
                    let before = tables.labels.insert(session.clone(), list);
                    if before.is_some_and(|before| before != tables.labels[&session]) {
                        tables.contradicted.insert(session);
                    }
                }
                tables.files.push(path);
            }
        }
        for path in of_kind(&derived.join("EHR"), &["tsv", "txt", "csv"])? {
            let table = Table::read(&path)?;
            let columns = ["participant", "date", "result"].map(|name| table.column(&[name]));
            if let [Some(participant), Some(date), Some(result)] = columns {
                for row in table.rows() {
                    let day = day(row.cell(date)).ok_or_else(|| row.fault(date, "DD.MM.YYYY"))?;
                    let result = match row.cell(result) {
                        "POSITIVO" => "positive",
                        "NEGATIVO" => "negative",
                        "INDETERMINADO" => "indeterminate",
                        _ => return Err(row.fault(result, "POSITIVO, NEGATIVO or INDETERMINADO")),
                    };
                    let patient = prefixed("sub-", row.cell(participant));
                    tables.tests.entry(patient).or_default().push((day, result));
                }
                tables.files.push(path);
            }
        }
        // There is one table a patient. Their digests would fill the sidecar, so only the labels' digest is
        // recorded.
        for path in of_kind(root, &["tsv"])? {
            if films::name(&path).ends_with("_sessions.tsv") {
                let table = Table::read(&path)?;
                if let (Some(session), Some(date)) =
                    (table.column(&["session_id"]), table.column(&["study_date"]))
                {
                    for row in table.rows() {
                        if let Some(day) = day(row.cell(date)) {
                            tables.dates.insert(prefixed("ses-", row.cell(session)), day);
                        }
                    }
                }
            }
        }
        Ok(tables)
    }

    /// The result of the test nearest to a session, and its distance in days after the session.
    pub(super) fn test(&self, subject: &str, session: &str) -> Option<(&'static str, i64)> {
        let date = self.dates.get(session)?;
        let tests = self
            .tests
            .get(subject)?
            .iter()
            .map(|(day, result)| (*result, day - date));
        // Of two equally near tests, a positive one counts.
        tests.min_by_key(|(result, days)| (days.abs(), *result != "positive", *days))
    }
}

/// Maps patients of the negative half to those of the positive half, by `sub-…`: both halves number their
/// patients separately.
pub(super) fn same_people(path: &Path) -> Result<HashMap<String, String>, Error> {
    let table = Table::read(path)?;
    let [positive, negative] = [table.needed(&["covid19_posi"])?, table.needed(&["covid19_neg"])?];
    let known = table
        .rows()
        .map(|row| [row.cell(negative), row.cell(positive)])
        .filter(|cells| !cells.contains(&""));
    Ok(known
        .map(|cells| cells.map(|cell| prefixed("sub-", cell)).into())
        .collect())
}

fn people(table: &Table) -> Result<HashMap<String, Person>, Error> {
    let participant = table.needed(&["participant", "participant_id"])?;
    let (ages, gender) = (table.column(&["age"]), table.column(&["gender", "sex"]));
    let mut people = HashMap::new();
    for row in table.rows() {
        // The published table ends with rows without a patient.
        let subject = row.cell(participant);
        if subject.starts_with("sub-") {
            let text = row.optional(ages);
            let listed = list::elements(text).unwrap_or_else(|| vec![text.to_string()]);
            let years: Vec<Age> = listed.iter().map(|text| age(text)).collect();
            let known: Vec<f32> = years.iter().filter_map(|age| age.years()).collect();
            let person = Person {
                sex: sex(row.optional(gender)),
                age: if known.is_empty() {
                    years
                        .into_iter()
                        .find(|age| *age == Age::Impossible)
                        .unwrap_or(Age::Blank)
                } else {
                    Age::Years(known.iter().sum::<f32>() / known.len() as f32)
                },
            };
            people.insert(subject.to_string(), person);
        }
    }
    Ok(people)
}

/// Files with some extensions, recursively.
fn of_kind(folder: &Path, extensions: &[&str]) -> Result<Vec<PathBuf>, Error> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut files = films::files(&[folder.to_path_buf()])?;
    files.retain(|path| {
        let extension = path
            .extension()
            .map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        extension.is_some_and(|extension| extensions.contains(&extension.as_str()))
    });
    Ok(files)
}

fn prefixed(prefix: &str, name: &str) -> String {
    if name.starts_with(prefix) {
        name.to_string()
    } else {
        format!("{prefix}{name}")
    }
}

/// Days since 1970 of `DD.MM.YYYY` or `YYYYMMDD` (Hinnant's algorithm, with years that begin in March).
fn day(text: &str) -> Option<i64> {
    let text = text.trim().trim_end_matches(".0");
    let parts: Vec<i64> = if text.contains('.') {
        let parts: Option<Vec<i64>> = text.split('.').rev().map(|part| part.parse().ok()).collect();
        parts?
    } else {
        let part = |range: std::ops::Range<usize>| text.get(range)?.parse().ok();
        vec![part(0..4)?, part(4..6)?, part(6..8)?]
    };
    let [year, month, day] = parts[..] else {
        return None;
    };
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !(1900..=2100).contains(&year) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year / 400;
    let of_era = year - 400 * era;
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    Some(146_097 * era + 365 * of_era + of_era / 4 - of_era / 100 + of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use super::day;

    #[test]
    fn days_are_counted_in_both_forms() {
        assert_eq!(day("01.01.1970"), Some(0));
        assert_eq!(day("20200301"), Some(18_322));
        assert_eq!(day("29.02.2020"), Some(18_321));
        assert_eq!(day("20200301.0"), Some(18_322));
        for wrong in ["", "nan", "32.01.2020", "2020", "é1.01.2020", "20209901"] {
            assert_eq!(day(wrong), None, "{wrong}");
        }
    }
}
