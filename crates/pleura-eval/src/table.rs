//! The predictions table: one CSV row a film.
//!
//! Columns: `film`, `patient`, `dataset`; then the truth: one column `truth` with the name of the class for
//! exclusive classes, or one column `truth:FINDING` (1, 0, empty = unknown) a finding for independent
//! ones; then `probability:FINDING` for every finding, then, where they were kept, `logit:FINDING`.
//! Columns may stand in any order and others are ignored; the findings' order is that of their
//! probabilities. Numbers are written so that they read back to the same bits.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use csv::StringRecord;
use pleura_core::fs::write_atomic_with;
use pleura_core::table::{self, NotALabel, TableError, TableText, label};

use crate::predictions::Fault;
use crate::{Error, Predictions, Truth};

impl Predictions {
    /// Reads a predictions table. Errors name the line and the column.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let table = TableText::read(path).map_err(|error| match error {
            TableError::File(error) => Error::from(error),
            TableError::Content(problem) => Error::NoTable {
                path: path.to_owned(),
                problem,
            },
        })?;
        let unreadable = |source| Error::Csv {
            path: path.to_owned(),
            source,
        };
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(table.separator)
            .from_reader(table.text.as_bytes());
        let columns = Columns::find(path, reader.headers().map_err(unreadable)?)?;
        let mut read = Self {
            findings: columns
                .probabilities
                .iter()
                .map(|(name, _)| name.clone())
                .collect(),
            films: Vec::new(),
            patients: Vec::new(),
            datasets: Vec::new(),
            truth: if columns.class.is_some() {
                Truth::Exclusive(Vec::new())
            } else {
                Truth::Independent(Vec::new())
            },
            scores: Vec::new(),
            logits: columns.logits.as_ref().map(|_| Vec::new()),
        };
        let mut lines = Vec::new();
        for record in reader.records() {
            let record = record.map_err(unreadable)?;
            let line = record.position().map_or(0, csv::Position::line);
            lines.push(line);
            columns.take(path, (line, table.separator), &record, &mut read)?;
        }
        read.check_shapes()?;
        match read.fault() {
            None => Ok(read),
            Some(Fault {
                row,
                column,
                found,
                expected,
            }) => Err(Error::Cell {
                path: path.to_owned(),
                line: lines[row],
                column,
                found,
                expected,
            }),
        }
    }

    /// Writes the table atomically.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        self.check()?;
        Ok(write_atomic_with(path, |out| self.write_rows(out))?)
    }

    fn write_rows(&self, out: &mut dyn Write) -> Result<(), std::io::Error> {
        let mut writer = csv::Writer::from_writer(out);
        let named = |what: &'static str| self.findings.iter().map(move |name| format!("{what}:{name}"));
        let mut header: Vec<String> = ["film", "patient", "dataset"].map(str::to_owned).to_vec();
        match self.truth {
            Truth::Exclusive(_) => header.push("truth".to_owned()),
            Truth::Independent(_) => header.extend(named("truth")),
        }
        header.extend(named("probability"));
        if self.logits.is_some() {
            header.extend(named("logit"));
        }
        writer.write_record(&header)?;

        let width = self.findings.len();
        for row in 0..self.len() {
            let span = row * width..(row + 1) * width;
            let mut cells = vec![
                self.films[row].clone(),
                self.patients[row].clone(),
                self.datasets[row].clone(),
            ];
            match &self.truth {
                Truth::Exclusive(classes) => {
                    cells.push(classes[row].map_or_else(String::new, |class| self.findings[class].clone()));
                }
                Truth::Independent(present) => cells.extend(present[span.clone()].iter().map(|known| {
                    match known {
                        Some(true) => "1",
                        Some(false) => "0",
                        None => "",
                    }
                    .to_owned()
                })),
            }
            cells.extend(self.scores[span.clone()].iter().map(f64::to_string));
            if let Some(logits) = &self.logits {
                cells.extend(logits[span].iter().map(f64::to_string));
            }
            writer.write_record(&cells)?;
        }
        writer.flush()
    }
}

/// Column indices of a table.
struct Columns {
    film: usize,
    patient: usize,
    dataset: usize,
    class: Option<usize>,
    probabilities: Vec<(String, usize)>,
    /// In the order of `probabilities`; empty for exclusive classes.
    present: Vec<usize>,
    logits: Option<Vec<usize>>,
}

impl Columns {
    fn find(path: &Path, header: &StringRecord) -> Result<Self, Error> {
        let wrong = |message: String| Error::Header {
            path: path.to_owned(),
            message,
        };
        let mut places = BTreeMap::new();
        for (place, name) in header.iter().enumerate() {
            // Spreadsheets write a byte order mark before the first name.
            let name = name.trim_start_matches('\u{feff}').trim().to_owned();
            if places.insert(name.clone(), place).is_some() {
                return Err(wrong(format!("column `{name}` stands twice, expected once")));
            }
        }
        let need = |name: &str| {
            places.get(name).copied().ok_or_else(|| {
                let found: Vec<&str> = header.iter().collect();
                wrong(format!("no column `{name}`; found {}", found.join(", ")))
            })
        };
        let starting = |prefix: &str| -> Vec<(String, usize)> {
            let mut found: Vec<(String, usize)> = places
                .iter()
                .filter_map(|(name, &place)| Some((name.strip_prefix(prefix)?.to_owned(), place)))
                .collect();
            found.sort_by_key(|&(_, place)| place);
            found
        };
        let probabilities = starting("probability:");
        if probabilities.is_empty() {
            return Err(wrong(
                "no column `probability:FINDING`, expected one a finding".to_owned(),
            ));
        }
        let class = places.get("truth").copied();
        let truths = starting("truth:");
        let logits = starting("logit:");
        for (prefix, columns) in [("truth", &truths), ("logit", &logits)] {
            if let Some((name, _)) = columns
                .iter()
                .find(|(name, _)| !probabilities.iter().any(|p| p.0 == *name))
            {
                return Err(wrong(format!(
                    "column `{prefix}:{name}` has no `probability:{name}` beside it"
                )));
            }
        }
        if class.is_some() && !truths.is_empty() {
            let message = "both `truth` (exclusive classes) and `truth:FINDING` (independent findings), \
                           expected one kind";
            return Err(wrong(message.to_owned()));
        }
        let all = |prefix: &str| -> Result<Vec<usize>, Error> {
            probabilities
                .iter()
                .map(|(name, _)| need(&format!("{prefix}:{name}")))
                .collect()
        };
        Ok(Self {
            film: need("film")?,
            patient: need("patient")?,
            dataset: need("dataset")?,
            class,
            present: if class.is_some() {
                Vec::new()
            } else {
                all("truth")?
            },
            logits: if logits.is_empty() {
                None
            } else {
                Some(all("logit")?)
            },
            probabilities,
        })
    }

    fn take(
        &self,
        path: &Path,
        (line, separator): (u64, u8),
        record: &StringRecord,
        into: &mut Predictions,
    ) -> Result<(), Error> {
        let cell = |place: usize| record.get(place).unwrap_or_default().trim();
        let wrong = |column: String, found: &str, expected: String| Error::Cell {
            path: path.to_owned(),
            line,
            column,
            found: format!("`{found}`"),
            expected,
        };
        let number = |prefix: &str, finding: &str, place: usize| {
            table::number(cell(place), separator).ok_or_else(|| {
                wrong(
                    format!("{prefix}:{finding}"),
                    cell(place),
                    "a number with a decimal point".to_owned(),
                )
            })
        };
        into.films.push(cell(self.film).to_owned());
        into.patients.push(cell(self.patient).to_owned());
        into.datasets.push(cell(self.dataset).to_owned());
        for (finding, place) in &self.probabilities {
            into.scores.push(number("probability", finding, *place)?);
        }
        if let (Some(places), Some(logits)) = (&self.logits, &mut into.logits) {
            for ((finding, _), place) in self.probabilities.iter().zip(places) {
                logits.push(number("logit", finding, *place)?);
            }
        }
        match &mut into.truth {
            Truth::Exclusive(classes) => {
                let name = self.class.map_or("", cell);
                let class = self.probabilities.iter().position(|(finding, _)| finding == name);
                if class.is_none() && !table::is_missing(name) {
                    let known: Vec<&str> = self.probabilities.iter().map(|(name, _)| name.as_str()).collect();
                    let expected = format!("one of {}, or nothing if unknown", known.join(", "));
                    return Err(wrong("truth".to_owned(), name, expected));
                }
                classes.push(class);
            }
            Truth::Independent(present) => {
                for ((finding, _), &place) in self.probabilities.iter().zip(&self.present) {
                    present.push(match label(cell(place)) {
                        Ok(Some(1)) => Some(true),
                        Ok(Some(0)) => Some(false),
                        Ok(_) => None,
                        Err(NotALabel) => {
                            let expected = "1, 0, or nothing if unknown or uncertain".to_owned();
                            return Err(wrong(format!("truth:{finding}"), cell(place), expected));
                        }
                    });
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictions::tests::three_films;

    fn read(text: &str) -> Result<Predictions, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("predictions.csv");
        std::fs::write(&path, text).unwrap();
        Predictions::read(&path)
    }

    #[test]
    fn tables_read_back_to_the_same_bits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("predictions.csv");
        let mut exclusive = three_films();
        exclusive.films[0] = "a, \"quoted\"".to_owned();
        let mut independent = exclusive.clone();
        let (yes, no) = (Some(true), Some(false));
        independent.truth = Truth::Independent(vec![yes, no, None, no, no, no, None, None, yes]);
        independent.logits = None;
        for predictions in [exclusive, independent] {
            predictions.write(&path).unwrap();
            assert_eq!(Predictions::read(&path).unwrap(), predictions);
        }
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "no partial file stays behind: {left:?}");
    }

    #[test]
    fn columns_are_found_by_name() {
        let table = "\u{feff}note,probability:b,probability:a,truth,dataset,patient,film\n\
                     x,0.25,0.75,a,d,p,f\n";
        let predictions = read(table).unwrap();
        assert_eq!(predictions.findings, ["b", "a"]);
        assert_eq!(predictions.truth, Truth::Exclusive(vec![Some(1)]));
        assert_eq!(predictions.scores, [0.25, 0.75]);
    }

    #[test]
    fn errors_name_line_and_column() {
        let head = "film,patient,dataset,truth,probability:a,probability:b\n";
        let good = "f1,p,d,a,0.5,0.5\n";
        for (table, parts) in [
            (
                format!("{head}{good}f2,p,d,c,0.5,0.5\n"),
                ["line 3", "column `truth`", "found `c`"],
            ),
            (
                format!("{head}{good}f2,p,d,a,0.5,half\n"),
                ["line 3", "column `probability:b`", "found `half`"],
            ),
            (
                format!("{head}{good}f2,p,d,a,0.5,1.5\n"),
                ["line 3", "column `probability:b`", "found `1.5`"],
            ),
            (
                format!("{head}{good}f1,p,d,a,0.5,0.5\n"),
                ["line 3", "column `film`", "`f1` again"],
            ),
            (
                format!("{head}{good}f2,p,d,a,0.9,0.9\n"),
                ["line 3", "a sum of 1.8", "truth:FINDING"],
            ),
            (
                format!("{head}{good}f2,p,d,a,0.9\n"),
                ["predictions.csv", "not a CSV table", "line: 3"],
            ),
            (
                "film,patient,truth,probability:a\n".to_owned(),
                ["header", "no column `dataset`", "found film"],
            ),
            (
                "film,patient,dataset,truth:a,probability:a\nf,p,d,2,0.5\n".to_owned(),
                ["line 2", "column `truth:a`", "found `2`"],
            ),
            (
                "film,patient,dataset,truth:a,truth:b,probability:a\n".to_owned(),
                ["header", "column `truth:b`", "no `probability:b`"],
            ),
        ] {
            let message = read(&table).unwrap_err().to_string();
            assert!(
                parts.iter().all(|part| message.contains(part)),
                "{message}\nlacks one of {parts:?}"
            );
        }
    }
}
