//! Tables that correct or complete the labels of single films.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use pleura_core::table::is_missing;

use crate::Error;
use crate::adapters::{Age, DatasetContent, FilmRecord, Findings, age, file_name, named, sex, stem};
use crate::table::{Table, TableRow};
use pleura_manifest::{Cell, Sex};

/// Amendments, by film.
///
/// A CSV file with the column `film` (the film's file name, with or without extension, or its name in the
/// manifest) and any of `dataset`, `patient`, `study`, `view`, `sex`, `age`, `findings` (paths joined by
/// `|`). An empty cell changes nothing. A row for a film on disk that its dataset does not list adds the
/// film; it needs `patient` and `findings`. A name that matches several films is an error.
pub(crate) struct Amendments {
    file: PathBuf,
    rows: Vec<Amendment>,
}

/// Earlier amendments of the films of a dataset, by place: the table, the row's number, and the row.
pub(crate) type AmendedFilms = HashMap<usize, Vec<(PathBuf, u64, Amendment)>>;

/// One row of a table of amendments.
#[derive(Clone)]
pub(crate) struct Amendment {
    /// Line of the table.
    number: u64,
    film: String,
    dataset: String,
    patient: String,
    study: String,
    view: String,
    sex: Option<Sex>,
    age: Option<f32>,
    findings: String,
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
        Ok(Self {
            file: path.to_path_buf(),
            rows,
        })
    }

    /// Amends a dataset's films, and counts the amended and added ones. `met` marks the rows that matched a
    /// film; `earlier` holds what earlier rows and tables amended.
    pub(crate) fn apply(
        &self,
        reading: &mut DatasetContent,
        dataset: &str,
        met: &mut [bool],
        earlier: &mut AmendedFilms,
    ) -> Result<(), Error> {
        let mut by_name: HashMap<String, Vec<usize>> = HashMap::new();
        let mut patients: HashSet<String> = HashSet::new();
        for (place, record) in reading.records.iter().enumerate() {
            for name in names(record) {
                by_name.entry(name).or_default().push(place);
            }
            patients.insert(record.patient.clone());
        }
        let (mut amended, mut added) = (Vec::new(), Vec::new());
        for (row, met) in self.rows.iter().zip(met) {
            if let Some(place) = self.meant(row, &by_name, &reading.records, dataset)? {
                for (file, number, other) in earlier.get(&place).into_iter().flatten() {
                    if let Some(column) = row.contradicts(other) {
                        let film = &reading.records[place].film;
                        let table = if *file == self.file {
                            String::new()
                        } else {
                            format!(" of {}", file.display())
                        };
                        let expected = format!(
                            "one {column} for each film; row {number}{table} gives {film} another one"
                        );
                        return Err(self.fault(row, &expected));
                    }
                }
                let statement = (self.file.clone(), row.number, row.clone());
                earlier.entry(place).or_default().push(statement);
                row.amend(&mut reading.records[place], &patients, &reading.findings);
                amended.push(reading.records[place].film.clone());
            } else if row.is_of(dataset)
                && let Some(place) = self.unlisted(row, &reading.unlisted)?
            {
                if row.patient.is_empty() || row.findings.is_empty() {
                    return Err(self.fault(
                        row,
                        "patient and findings too: this film is on disk, but its dataset does not list it",
                    ));
                }
                let file = reading.unlisted.remove(place);
                let film = named(dataset, stem(&row.film));
                added.push(film.clone());
                let mut record = FilmRecord {
                    film,
                    file,
                    dataset: dataset.to_string(),
                    ..FilmRecord::default()
                };
                row.amend(&mut record, &patients, &reading.findings);
                let place = reading.records.len();
                for name in names(&record) {
                    by_name.entry(name).or_default().push(place);
                }
                earlier.insert(place, vec![(self.file.clone(), row.number, row.clone())]);
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

    /// The film of a row among the records of a dataset. The film's name in the manifest takes precedence
    /// over other names.
    fn meant(
        &self,
        row: &Amendment,
        by_name: &HashMap<String, Vec<usize>>,
        records: &[FilmRecord],
        dataset: &str,
    ) -> Result<Option<usize>, Error> {
        let named = by_name
            .get(row.film.as_str())
            .or_else(|| by_name.get(stem(&row.film)));
        let mut places: Vec<usize> = named
            .into_iter()
            .flatten()
            .copied()
            .filter(|&place| row.is_of(dataset) || row.is_of(&records[place].dataset))
            .collect();
        if places.len() > 1 && places.iter().any(|&place| records[place].film == row.film) {
            places.retain(|&place| records[place].film == row.film);
        }
        match places[..] {
            [] => Ok(None),
            [place] => Ok(Some(place)),
            [..] => {
                let films = places.iter().map(|&place| {
                    let FilmRecord { film, file, .. } = &records[place];
                    format!("{film} ({})", file_name(file))
                });
                let expected = format!(
                    "a name that one film answers to, not {}: write the film's name as in the manifest",
                    few(films)
                );
                Err(self.fault(row, &expected))
            }
        }
    }

    /// The film that a row adds, among the unlisted ones.
    fn unlisted(&self, row: &Amendment, unlisted: &[PathBuf]) -> Result<Option<usize>, Error> {
        let name = |place: usize| file_name(&unlisted[place]);
        let mut places: Vec<usize> = (0..unlisted.len())
            .filter(|&place| stem(&name(place)) == stem(&row.film))
            .collect();
        if places.iter().any(|&place| name(place) == row.film) {
            places.retain(|&place| name(place) == row.film);
        }
        match places[..] {
            [] => Ok(None),
            [place] => Ok(Some(place)),
            [..] => {
                let files = places.iter().map(|&place| unlisted[place].display().to_string());
                let expected = format!(
                    "a name that one file answers to, not {}: write the extension too, or rename the others",
                    few(files)
                );
                Err(self.fault(row, &expected))
            }
        }
    }

    fn fault(&self, row: &Amendment, expected: &str) -> Error {
        Error::Cell {
            file: self.file.clone(),
            row: row.number,
            column: "film".into(),
            found: row.film.clone(),
            expected: expected.into(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Films of the table that no dataset has.
    pub(crate) fn unmet(&self, met: &[bool]) -> Vec<String> {
        self.rows
            .iter()
            .zip(met)
            .filter(|&(_, &met)| !met)
            .map(|(row, _)| row.film.clone())
            .collect()
    }
}

/// All names of a film, without repetition: the manifest's name with or without the dataset prefix and the
/// extension, and the file's name with or without its extension.
fn names(record: &FilmRecord) -> BTreeSet<String> {
    let file = file_name(&record.file);
    let own = record
        .film
        .strip_prefix(&record.dataset)
        .and_then(|rest| rest.strip_prefix('-'))
        .unwrap_or(&record.film);
    let extension = file.strip_prefix(stem(&file)).unwrap_or_default();
    BTreeSet::from([
        format!("{}{extension}", record.film),
        record.film.clone(),
        own.to_string(),
        stem(&file).to_string(),
        file,
    ])
}

/// The first of some names, and true if there are more.
fn few(names: impl ExactSizeIterator<Item = String>) -> String {
    let more = if names.len() > 3 { " and others" } else { "" };
    let shown: Vec<String> = names.take(3).collect();
    format!("{}{more}", shown.join(", "))
}

impl Amendment {
    /// The first column in which both rows have a value, and not the same.
    fn contradicts(&self, other: &Self) -> Option<&'static str> {
        let texts = [
            ("patient", &self.patient, &other.patient),
            ("study", &self.study, &other.study),
            ("view", &self.view, &other.view),
            ("findings", &self.findings, &other.findings),
        ];
        let differ = |one: &str, other: &str| !one.is_empty() && !other.is_empty() && one != other;
        if let Some((column, ..)) = texts.into_iter().find(|(_, one, other)| differ(one, other)) {
            return Some(column);
        }
        match (self.sex, other.sex, self.age, other.age) {
            (Some(one), Some(other), ..) if one != other => Some("sex"),
            (.., Some(one), Some(other)) if one != other => Some("age"),
            _ => None,
        }
    }

    fn of(table: &Table, row: TableRow<'_>, film: usize) -> Result<Self, Error> {
        let text = |name: &str| match row.optional(table.column(&[name])) {
            missing if is_missing(missing) => String::new(),
            text => text.to_string(),
        };
        let name = row.cell(film);
        if name.is_empty() {
            return Err(row.fault(film, "the name of a film"));
        }
        let years = match table.column(&["age"]).and_then(|column| row.number(column)) {
            Some(years) => years.to_string(),
            None => text("age"),
        };
        let age = match (age(&years), table.column(&["age"])) {
            (Age::Impossible, Some(column)) => return Err(row.fault(column, "years, or nothing")),
            (age, _) => age.years(),
        };
        let sex = match (sex(&text("sex")), table.column(&["sex"])) {
            (None, Some(column)) if !is_missing(row.cell(column)) => {
                return Err(row.fault(column, Sex::EXPECTED));
            }
            (sex, _) => sex,
        };
        Ok(Self {
            number: row.line(),
            film: name.to_string(),
            dataset: text("dataset"),
            patient: text("patient"),
            study: text("study"),
            view: text("view"),
            sex,
            age,
            findings: text("findings"),
        })
    }

    /// True if the row may apply to films of a dataset.
    fn is_of(&self, dataset: &str) -> bool {
        self.dataset.is_empty() || self.dataset == dataset
    }

    fn amend(&self, record: &mut FilmRecord, patients: &HashSet<String>, declared: &[String]) {
        let set = |cell: &mut String, value: &str| {
            if !value.is_empty() {
                *cell = value.to_string();
            }
        };
        if !self.patient.is_empty() {
            // Both the full patient name and the dataset's own number are accepted.
            let whole =
                patients.contains(&self.patient) || self.patient.starts_with(&format!("{}-", record.dataset));
            record.patient = if whole {
                self.patient.clone()
            } else {
                named(&record.dataset, &self.patient)
            };
        }
        set(&mut record.study, &self.study);
        set(&mut record.view, &self.view);
        record.sex = self.sex.or(record.sex);
        record.age = self.age.or(record.age);
        if !self.findings.is_empty() {
            record.findings = self.findings(declared);
            record.notes.insert("findings".into(), self.findings.clone());
        }
    }

    /// A finding that the dataset declares is one name, whatever characters it has; any other is a path.
    fn findings(&self, declared: &[String]) -> Findings {
        let paths = self.findings.split('|').map(str::trim).flat_map(|name| {
            if declared.iter().any(|finding| finding == name) {
                vec![vec![name.to_string()]]
            } else {
                Findings::parse(name, &['|']).present()
            }
        });
        Findings::Named(paths.collect())
    }
}
