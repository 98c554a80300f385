//! `BrixIA`: films of patients with COVID-19, with severity scores of six zones.

use std::path::{Path, PathBuf};

use pleura_core::table::label;
use rayon::prelude::*;

use super::{Age, Dataset, DatasetContent, FilmRecord, Findings, films, header, named, sex, starts_frontal};
use crate::Error;
use crate::table::{Table, TableRow};
use pleura_manifest::AGE_GROUP;
use pleura_manifest::OFFICIAL_SPLIT;

pub(super) const DATASET: Dataset = Dataset {
    name: "brixia",
    title: "BrixIA COVID-19",
    expects: "the folder of metadata_global_v2.csv with dicom_clean/",
    licence: "BrixIA COVID-19 Dataset Research Use Agreement: research only, no passing on, no derivatives",
    citation: "Signoroni A, Savardi M, Benini S, et al. BS-Net: learning COVID-19 pneumonia severity on a large chest X-ray dataset. Medical \
               Image Analysis 2021, doi 10.1016/j.media.2021.102046.",
    url: "https://brixia.github.io",
    overlaps: &[],
    read,
};

/// The newer release first.
const TABLES: [&str; 4] = [
    "metadata_global_v2.csv",
    "metadata_global_v1.csv",
    "data/metadata_global_v2.csv",
    "data/metadata_global_v1.csv",
];

const FINDING: &str = "COVID-19";

/// The note with the scores of the six zones A to F, each 0 to 3.
pub(super) const SCORE: &str = "brixia_score";

/// Every patient had COVID-19; the score tells how much a film shows. Views are in the films' headers, ages
/// in groups of five years.
fn read(folder: &Path, dataset: &str) -> Result<DatasetContent, Error> {
    let label_file = TABLES
        .iter()
        .map(|name| folder.join(name))
        .find(|path| path.is_file());
    let label_file = label_file.ok_or_else(|| Error::Layout {
        dataset: DATASET.title,
        folder: folder.to_path_buf(),
        problem: "metadata_global_v2.csv is not in it".into(),
    })?;
    let table = Table::read(&label_file)?;
    let columns = Columns::of(&table)?;
    let images: Vec<PathBuf> = ["dicom_clean", "data/dicom_clean"]
        .iter()
        .map(|name| folder.join(name))
        .filter(|images| images.is_dir())
        .collect();
    let images = if images.is_empty() {
        vec![folder.to_path_buf()]
    } else {
        images
    };
    let names: Vec<&str> = table.rows().map(|row| row.cell(columns.name)).collect();
    let matched = films::match_names(&names, &films::find(&images)?);
    let mut reading = DatasetContent {
        findings: vec![FINDING.to_string()],
        listed: names.len(),
        files: vec![label_file],
        ..DatasetContent::default()
    };
    let (mut absent, mut shortened, mut sums, mut nobody) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (row, file) in table.rows().zip(matched.files) {
        let (mut record, score) = columns.row(row, dataset)?;
        let Some(file) = file else {
            absent.push(row.cell(columns.name).to_string());
            continue;
        };
        record.file = file;
        let film = || record.film.clone();
        if score.shortened {
            shortened.push(film());
        }
        if score
            .total
            .is_some_and(|total| total != score.zones.iter().sum::<u32>())
        {
            sums.push(film());
        }
        if record.patient == record.film {
            nobody.push(film());
        }
        reading.records.push(record);
    }
    reading.set_absent(&absent);
    let impossible: Vec<String> = reading
        .records
        .par_iter_mut()
        .filter_map(|record| (header::describe(record).age == Age::Impossible).then(|| record.film.clone()))
        .collect();
    reading.keep_frontal(starts_frontal);
    reading.remark("age impossible, taken as unknown", &impossible);
    reading.remark("no subject: the film counts as a patient of its own", &nobody);
    reading.remark(
        "score of fewer than six digits: zeros lost at its front were put back",
        &shortened,
    );
    reading.remark("zones do not sum up to the global score", &sums);
    reading.set_unlisted(matched.unlisted);
    Ok(reading)
}

struct Columns {
    name: usize,
    score: usize,
    total: Option<usize>,
    subject: Option<usize>,
    study: Option<usize>,
    sex: Option<usize>,
    ages: Option<usize>,
    consensus: Option<usize>,
}

/// The scores of a film.
struct Score {
    zones: [u32; 6],
    total: Option<u32>,
    shortened: bool,
}

impl Columns {
    fn of(table: &Table) -> Result<Self, Error> {
        Ok(Self {
            name: table.needed(&["Filename"])?,
            score: table.needed(&["BrixiaScore"])?,
            total: table.column(&["BrixiaScoreGlobal"]),
            subject: table.column(&["Subject"]),
            study: table.column(&["StudyId"]),
            sex: table.column(&["Sex"]),
            ages: table.column(&["AgeAtStudyDateFiveYear"]),
            consensus: table.column(&["ConsensusTestset"]),
        })
    }

    fn row(&self, row: TableRow<'_>, dataset: &str) -> Result<(FilmRecord, Score), Error> {
        let name = row.cell(self.name);
        if name.is_empty() {
            return Err(row.fault(self.name, "the name of a film"));
        }
        let written = row.cell(self.score);
        let padded = format!("{written:0>6}");
        let zones = zones(&padded)
            .filter(|_| !written.is_empty())
            .ok_or_else(|| row.fault(self.score, "six digits, each 0 to 3"))?;
        let film = named(dataset, films::stem(name));
        let mut record = FilmRecord {
            patient: match row.optional(self.subject) {
                "" => film.clone(),
                subject => named(dataset, subject),
            },
            film,
            dataset: dataset.to_string(),
            study: row.optional(self.study).to_string(),
            sex: sex(row.optional(self.sex)),
            findings: Findings::flat([FINDING]),
            ..FilmRecord::default()
        };
        // 0 means ages of 0 to 4 years, 1 of 5 to 9. The age is the middle of the group.
        if let Ok(group @ 0.0..24.0) = row.optional(self.ages).parse::<f32>() {
            let group = group.floor();
            record.age = Some(5.0 * group + 2.0);
            record
                .notes
                .insert(AGE_GROUP.into(), format!("{}-{}", 5.0 * group, 5.0 * group + 4.0));
        }
        match label(row.optional(self.consensus)) {
            Ok(Some(1)) => record.notes.insert(OFFICIAL_SPLIT.into(), "test".into()),
            Ok(None) => None,
            _ => record.notes.insert(OFFICIAL_SPLIT.into(), "train_val".into()),
        };
        record.notes.insert(SCORE.into(), padded);
        let score = Score {
            zones,
            total: row.optional(self.total).parse().ok(),
            shortened: written.len() < 6,
        };
        Ok((record, score))
    }
}

fn zones(text: &str) -> Option<[u32; 6]> {
    let digits: Option<Vec<u32>> = text
        .chars()
        .map(|digit| digit.to_digit(10).filter(|digit| *digit <= 3))
        .collect();
    digits?.try_into().ok()
}

/// Scores of two radiologists of Brescia for films of Cohen's dataset: the film's file name, and six digits
/// of each. The table is `public-annotations.csv` of their repository.
pub(super) fn of_cohen(path: &Path) -> Result<Vec<(String, [String; 2])>, Error> {
    let table = Table::read(path)?;
    let name = table.needed(&["filename"])?;
    let mut columns = Vec::new();
    for reader in ["S", "J"] {
        for zone in ["A", "B", "C", "D", "E", "F"] {
            columns.push(table.needed(&[&format!("{reader}-{zone}")])?);
        }
    }
    let mut films = Vec::new();
    for row in table.rows() {
        let mut scores = [String::new(), String::new()];
        for (place, &column) in columns.iter().enumerate() {
            let score = row.cell(column).trim_end_matches(".0");
            if !matches!(score, "0" | "1" | "2" | "3") {
                return Err(row.fault(column, "a score of 0 to 3"));
            }
            scores[place / 6].push_str(score);
        }
        films.push((row.cell(name).to_string(), scores));
    }
    Ok(films)
}
