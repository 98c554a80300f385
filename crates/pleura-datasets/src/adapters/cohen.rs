//! Cohen's covid-chestxray-dataset.

use std::collections::HashMap;
use std::path::Path;

use super::{Age, Dataset, DatasetContent, FilmRecord, Findings, age, brixia, films, named, sex};
use crate::Error;
use crate::table::{Table, TableRow};

pub(super) const DATASET: Dataset = Dataset {
    name: "cohen",
    title: "covid-chestxray-dataset (Cohen)",
    expects: "the folder of metadata.csv with images/, and BrixIA's public-annotations.csv where there is one",
    licence: "Each film its own (column note:licence); many state none, several forbid derivatives or commercial use",
    citation: "Cohen JP, Morrison P, Dao L, Roth K, Duong TQ, Ghassemi M. COVID-19 Image Data Collection: Prospective \
               Predictions Are the Future. Machine Learning for Biomedical Imaging 2020.",
    url: "https://github.com/ieee8023/covid-chestxray-dataset",
    overlaps: &["covidx", "hannover", "figure1"],
    read,
};

/// Frontal projections.
const FRONTAL: [&str; 5] = ["PA", "AP", "AP Supine", "AP semi erect", "AP erect"];

/// Published severity scores.
const ANNOTATIONS: &str = "public-annotations.csv";

/// Values of `finding` for undecided films.
const UNDECIDED: [&str; 3] = ["", "todo", "Unknown"];

fn read(folder: &Path, dataset: &str) -> Result<DatasetContent, Error> {
    let label_file = folder.join("metadata.csv");
    if !label_file.is_file() {
        return Err(Error::Layout {
            dataset: DATASET.title,
            folder: folder.to_path_buf(),
            problem: "metadata.csv is not in it".into(),
        });
    }
    let bytes = std::fs::read(&label_file).map_err(Error::io("read", &label_file))?;
    let rows = parse(&bytes, &label_file, dataset)?;
    let mut reading = DatasetContent {
        listed: rows.len(),
        files: vec![label_file],
        ..DatasetContent::default()
    };

    let images = folder.join("images");
    let images = if images.is_dir() {
        images
    } else {
        folder.to_path_buf()
    };
    let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    let matched = films::match_names(&names, &films::find(&[images])?);
    let (mut absent, mut impossible) = (Vec::new(), Vec::new());
    for (row, file) in rows.into_iter().zip(matched.files) {
        let Some(file) = file else {
            absent.push(row.name);
            continue;
        };
        if row.age == Age::Impossible {
            impossible.push(row.record.film.clone());
        }
        reading.records.push(FilmRecord { file, ..row.record });
    }
    reading.set_absent(&absent);
    score(folder, &mut reading)?;
    let note = |record: &FilmRecord, name: &str| record.notes.get(name).cloned().unwrap_or_default();
    // Old releases have neither column; a missing value excludes nothing.
    reading.exclude("modality is not X-ray", |record| {
        let modality = note(record, "modality");
        !modality.is_empty() && !modality.eq_ignore_ascii_case("X-ray")
    });
    reading.exclude("folder is not images", |record| {
        let folder = note(record, "folder");
        !folder.is_empty() && folder != "images"
    });
    reading.exclude("view is not frontal", |record| {
        !FRONTAL.iter().any(|view| record.view.eq_ignore_ascii_case(view))
    });
    reading.exclude("finding is blank, todo or Unknown", |record| {
        record
            .findings
            .present()
            .iter()
            .all(|path| undecided(&path.join("/")))
    });
    reading.exclude("No Finding beside another finding", |record| {
        record.findings.contradicts_itself()
    });
    reading.remark("age cannot be read, taken as unknown", &impossible);
    reading.set_unlisted(matched.unlisted);
    for record in &mut reading.records {
        record.notes.remove("modality");
        record.notes.remove("folder");
    }
    Ok(reading)
}

/// Adds the scores of `BrixIA`'s radiologists for films of this dataset, if their table is in the folder.
fn score(folder: &Path, reading: &mut DatasetContent) -> Result<(), Error> {
    let path = folder.join(ANNOTATIONS);
    if !path.is_file() {
        return Ok(());
    }
    let scores = brixia::of_cohen(&path)?;
    let scores: HashMap<&str, &[String; 2]> = scores
        .iter()
        .map(|(name, scores)| (films::stem(name), scores))
        .collect();
    for record in &mut reading.records {
        let name = films::name(&record.file);
        if let Some([senior, junior]) = scores.get(films::stem(&name)) {
            record.notes.insert(brixia::SCORE.into(), senior.clone());
            record.notes.insert("brixia_score_junior".into(), junior.clone());
        }
    }
    reading.files.push(path);
    Ok(())
}

fn undecided(finding: &str) -> bool {
    UNDECIDED.iter().any(|word| finding.eq_ignore_ascii_case(word))
}

struct CohenRow {
    name: String,
    age: Age,
    record: FilmRecord,
}

/// Reads `metadata.csv` with current or older columns.
fn parse(bytes: &[u8], path: &Path, dataset: &str) -> Result<Vec<CohenRow>, Error> {
    let table = Table::parse(bytes, path)?;
    let columns = Columns {
        patient: table.needed(&["patientid"])?,
        finding: table.needed(&["finding"])?,
        view: table.needed(&["view"])?,
        name: table.needed(&["filename"])?,
        sex: table.column(&["sex"]),
        age: table.column(&["age"]),
        notes: [
            ("modality", table.column(&["modality"])),
            ("folder", table.column(&["folder"])),
            ("offset", table.column(&["offset"])),
            ("licence", table.column(&["license"])),
            ("url", table.column(&["url"])),
        ],
    };
    table.rows().map(|row| columns.row(row, dataset)).collect()
}

struct Columns {
    patient: usize,
    finding: usize,
    view: usize,
    name: usize,
    sex: Option<usize>,
    age: Option<usize>,
    notes: [(&'static str, Option<usize>); 5],
}

impl Columns {
    fn row(&self, row: TableRow<'_>, dataset: &str) -> Result<CohenRow, Error> {
        let name = row.cell(self.name);
        if name.is_empty() {
            return Err(row.fault(self.name, "the name of a film"));
        }
        let patient = row.cell(self.patient);
        if patient.is_empty() {
            return Err(row.fault(self.patient, "the number of a patient"));
        }
        let finding = row.cell(self.finding);
        let age = age(row.optional(self.age));
        let mut record = FilmRecord {
            film: named(dataset, films::stem(name)),
            dataset: dataset.to_string(),
            patient: named(dataset, patient),
            view: row.cell(self.view).to_string(),
            sex: sex(row.optional(self.sex)),
            age: age.years(),
            // Old releases join findings by commas; new ones write one path.
            findings: Findings::parse(finding, &[',']),
            ..FilmRecord::default()
        };
        record.notes.insert("findings".into(), finding.into());
        for (note, column) in self.notes {
            if column.is_some() {
                record.notes.insert(note.into(), row.optional(column).into());
            }
        }
        Ok(CohenRow {
            name: name.to_string(),
            age,
            record,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER: &str = "patientid,offset,sex,age,finding,view,modality,folder,filename,license,\n";

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes, Path::new("metadata.csv"), "cohen");
            let _ = parse(&[HEADER.as_bytes(), &bytes].concat(), Path::new("metadata.csv"), "cohen");
        }

        #[test]
        fn no_cells_make_the_reader_panic(cells in "([a-zA-Z0-9|,\"é/.\r\n-]|,|/){0,200}") {
            let _ = parse(format!("{HEADER}{cells}").as_bytes(), Path::new("metadata.csv"), "cohen");
        }
    }
}
