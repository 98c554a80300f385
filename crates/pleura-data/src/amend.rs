//! A table that corrects what datasets say of single films, or says it where they are silent.

use std::collections::HashMap;
use std::path::Path;

use crate::Error;
use crate::manifest::{Cell, Sex};
use crate::sources::{Age, Findings, Reading, Record, age, named, sex, stem};
use crate::table::{Table, TableRow};

/// Amendments, by the name of the film they speak of.
///
/// A CSV with the column `film` (the film's file name, with or without extension, or its name in the manifest) and any of `dataset`,
/// `patient`, `study`, `view`, `sex`, `age`, `findings` (paths joined by `|`). An empty cell leaves things as they are. A row for a film that is on disk and that
/// its dataset does not list brings the film in; it then needs `patient` and `findings`.
pub(crate) struct Amendments {
    rows: Vec<Amendment>,
}

struct Amendment {
    film: String,
    dataset: String,
    patient: String,
    study: String,
    view: String,
    sex: Option<Sex>,
    age: Option<f32>,
    findings: Option<Findings>,
    text: String,
    /// The complaint to make if it has to bring a film in and says too little.
    incomplete: Option<Error>,
}

impl Amendments {
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let table = Table::read(path)?;
        let film = table.needed(&["film"])?;
        let known = [
            "film", "dataset", "patient", "study", "view", "sex", "age", "findings",
        ];
        if let Some(other) = table.header().iter().find(|name| !known.contains(&name.as_str())) {
            let problem = format!(
                "the column {other:?} is none of those that can be amended: {}",
                known.join(", ")
            );
            return Err(Error::table(path, problem));
        }
        let rows = table
            .rows()
            .map(|row| Amendment::of(&table, row, film))
            .collect::<Result<_, _>>()?;
        Ok(Self { rows })
    }

    /// Amends a dataset's films, and counts what was amended and brought in. Which rows met a film is noted in `met`.
    pub(crate) fn apply(
        &mut self,
        reading: &mut Reading,
        dataset: &str,
        met: &mut [bool],
    ) -> Result<(), Error> {
        let mut by_name: HashMap<String, usize> = HashMap::new();
        for (place, record) in reading.records.iter().enumerate() {
            for name in names(record, dataset) {
                by_name.entry(name).or_insert(place);
            }
        }
        let (mut amended, mut added) = (Vec::new(), Vec::new());
        for (row, met) in self.rows.iter_mut().zip(met) {
            if !(row.dataset.is_empty() || row.dataset == dataset) {
                continue;
            }
            if let Some(&place) = by_name
                .get(row.film.as_str())
                .or_else(|| by_name.get(stem(&row.film)))
            {
                row.amend(&mut reading.records[place], dataset);
                amended.push(reading.records[place].film.clone());
            } else if let Some(place) = reading.unlisted.iter().position(|path| row.speaks_of(path)) {
                if let Some(error) = row.incomplete.take() {
                    return Err(error);
                }
                let file = reading.unlisted.remove(place);
                let film = named(dataset, stem(&row.film));
                added.push(film.clone());
                let mut record = Record {
                    film,
                    file,
                    dataset: dataset.to_string(),
                    ..Record::default()
                };
                row.amend(&mut record, dataset);
                reading.records.push(record);
            } else {
                continue;
            }
            *met = true;
        }
        reading.brought_in += added.len();
        reading.remark("amended", &amended);
        reading.remark("not listed, brought in by an amendment", &added);
        Ok(())
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Films that the table speaks of and no dataset has.
    pub(crate) fn unmet(&self, met: &[bool]) -> Vec<String> {
        self.rows
            .iter()
            .zip(met)
            .filter(|&(_, &met)| !met)
            .map(|(row, _)| row.film.clone())
            .collect()
    }
}

/// Every name a film answers to: the manifest's with and without the dataset in front, the file's with and without its extension.
fn names(record: &Record, dataset: &str) -> Vec<String> {
    let file = record
        .file
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let own = record
        .film
        .strip_prefix(dataset)
        .and_then(|rest| rest.strip_prefix('-'))
        .unwrap_or(&record.film);
    vec![
        record.film.clone(),
        own.to_string(),
        stem(&file).to_string(),
        file,
    ]
}

impl Amendment {
    fn of(table: &Table, row: TableRow<'_>, film: usize) -> Result<Self, Error> {
        let text = |name: &str| row.optional(table.column(&[name])).to_string();
        let name = row.cell(film);
        if name.is_empty() {
            return Err(row.fault(film, "the name of a film"));
        }
        let age = match (age(&text("age")), table.column(&["age"])) {
            (Age::Impossible, Some(column)) => return Err(row.fault(column, "years, or nothing")),
            (age, _) => age.years(),
        };
        let sex = match (sex(&text("sex")), table.column(&["sex"])) {
            (None, Some(column)) if !row.cell(column).is_empty() => {
                return Err(row.fault(column, Sex::EXPECTED));
            }
            (sex, _) => sex,
        };
        let findings = text("findings");
        let says_too_little = text("patient").is_empty() || findings.is_empty();
        Ok(Self {
            film: name.to_string(),
            dataset: text("dataset"),
            patient: text("patient"),
            study: text("study"),
            view: text("view"),
            sex,
            age,
            findings: (!findings.is_empty()).then(|| Findings::parse(&findings, &['|'])),
            incomplete: says_too_little.then(|| {
                row.fault(
                    film,
                    "patient and findings too: this film is on disk, but its dataset does not list it",
                )
            }),
            text: findings,
        })
    }

    fn speaks_of(&self, path: &Path) -> bool {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        name == self.film || stem(&name) == stem(&self.film)
    }

    fn amend(&self, record: &mut Record, dataset: &str) {
        let set = |cell: &mut String, value: &str| {
            if !value.is_empty() {
                *cell = value.to_string();
            }
        };
        if !self.patient.is_empty() {
            // The whole name of a patient and the dataset's own number are both understood.
            let whole = self.patient.starts_with(&format!("{dataset}-"));
            record.patient = if whole {
                self.patient.clone()
            } else {
                named(dataset, &self.patient)
            };
        }
        set(&mut record.study, &self.study);
        set(&mut record.view, &self.view);
        record.sex = self.sex.or(record.sex);
        record.age = self.age.or(record.age);
        if let Some(findings) = &self.findings {
            record.findings = findings.clone();
            record.notes.insert("findings".into(), self.text.clone());
        }
    }
}
