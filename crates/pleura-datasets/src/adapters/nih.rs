//! NIH ChestX-ray14.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::boxes::of_row;
use super::{Age, Dataset, DatasetContent, FilmRecord, Findings, age, films, named, sex};
use crate::Error;
use crate::table::{Table, TableRow};
use pleura_manifest::OFFICIAL_SPLIT;
use pleura_manifest::{NO_FINDING, together};

pub(super) const DATASET: Dataset = Dataset {
    name: "nih",
    title: "NIH ChestX-ray14",
    expects: "the folder of Data_Entry_2017.csv (or _v2020) with images/ or images_001/ … images_012/",
    licence: "No restrictions on use; cite the paper and acknowledge the NIH Clinical Center",
    citation: "Wang X, Peng Y, Lu L, Lu Z, Bagheri M, Summers RM. ChestX-ray8: Hospital-scale chest X-ray database and \
               benchmarks on weakly-supervised classification and localization of common thorax diseases. CVPR 2017.",
    url: "https://nihcc.app.box.com/v/ChestXray-NIHCC",
    overlaps: &["rsna", "covidx"],
    read,
};

/// The 14 findings, in the order of CheXNet's label lists, then the one of healthy films.
pub(crate) const FINDINGS: [&str; 15] = [
    "Atelectasis",
    "Cardiomegaly",
    "Effusion",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pneumonia",
    "Pneumothorax",
    "Consolidation",
    "Edema",
    "Emphysema",
    "Fibrosis",
    "Pleural_Thickening",
    "Hernia",
    NO_FINDING,
];

/// The newer release first: its ages are corrected.
const LABEL_FILES: [&str; 2] = ["Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv"];

/// The official lists, and their names in the manifest.
const LISTS: [(&str, &str); 2] = [("train_val_list.txt", "train_val"), ("test_list.txt", "test")];

/// A radiologist's boxes around findings, on some films of the official test list.
const BOXES: &str = "BBox_List_2017.csv";

/// Columns and rows of the published films, the frame of the boxes.
const FRAME: [usize; 2] = [1024; 2];

/// Findings with another name in the list of boxes.
const BOX_NAMES: [(&str, &str); 1] = [("Infiltrate", "Infiltration")];

fn read(folder: &Path, dataset: &str) -> Result<DatasetContent, Error> {
    let label_file = LABEL_FILES
        .iter()
        .map(|name| folder.join(name))
        .find(|path| path.is_file());
    let label_file = label_file.ok_or_else(|| Error::Layout {
        dataset: DATASET.title,
        folder: folder.to_path_buf(),
        problem: format!("neither {} is in it", LABEL_FILES.join(" nor ")),
    })?;
    let bytes = std::fs::read(&label_file).map_err(Error::io("read", &label_file))?;
    let rows = parse(&bytes, &label_file, dataset)?;
    let lists = official_lists(folder)?;
    let box_file = Some(folder.join(BOXES)).filter(|path| path.is_file());
    let boxes = match &box_file {
        Some(path) => boxes(&Table::read(path)?)?,
        None => HashMap::new(),
    };
    let mut reading = DatasetContent {
        findings: FINDINGS.map(String::from).to_vec(),
        listed: rows.len(),
        files: std::iter::once(label_file)
            .chain(lists.files.iter().cloned())
            .chain(box_file)
            .collect(),
        ..DatasetContent::default()
    };

    let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    let matched = films::match_names(&names, &films::find(&film_folders(folder)?)?);
    let (mut absent, mut impossible) = (Vec::new(), Vec::new());
    for (row, file) in rows.into_iter().zip(matched.files) {
        let Some(file) = file else {
            absent.push(row.name);
            continue;
        };
        let mut record = row.record;
        record.file = file;
        if let Some(list) = lists.of(&row.name) {
            record.notes.insert(OFFICIAL_SPLIT.into(), list.into());
        }
        if let Some(boxed) = boxes.get(films::stem(&row.name)) {
            record.masks.lesion = Some(boxed.mask());
            record.notes.insert(BOXED.into(), boxed.findings.join("|"));
        }
        if row.age == Age::Impossible {
            impossible.push(record.film.clone());
        }
        reading.records.push(record);
    }
    reading.set_absent(&absent);
    reading.exclude("No Finding beside another finding", |record| {
        record.findings.contradicts_itself()
    });
    reading.remark("age impossible, taken as unknown", &impossible);
    reading.set_unlisted(matched.unlisted);
    Ok(reading)
}

struct NihRow {
    name: String,
    age: Age,
    record: FilmRecord,
}

/// Reads the label file. Its header has unquoted commas (`OriginalImage[Width,Height]`), and the first
/// release ends every line with a comma. So only the seven columns before those are looked up by name.
fn parse(bytes: &[u8], path: &Path, dataset: &str) -> Result<Vec<NihRow>, Error> {
    let table = Table::parse(bytes, path)?;
    let columns = Columns {
        name: table.needed(&["Image Index"])?,
        labels: table.needed(&["Finding Labels"])?,
        patient: table.needed(&["Patient ID"])?,
        age: table.needed(&["Patient Age"])?,
        sex: table.needed(&["Patient Gender", "Patient Sex"])?,
        view: table.needed(&["View Position"])?,
        follow_up: table.column(&["Follow-up #"]),
    };
    table.rows().map(|row| columns.row(row, dataset)).collect()
}

struct Columns {
    name: usize,
    labels: usize,
    patient: usize,
    age: usize,
    sex: usize,
    view: usize,
    follow_up: Option<usize>,
}

impl Columns {
    fn row(&self, row: TableRow<'_>, dataset: &str) -> Result<NihRow, Error> {
        let name = row.cell(self.name);
        if name.is_empty() {
            return Err(row.fault(self.name, "the name of a film"));
        }
        let labels = row.cell(self.labels);
        let unknown = labels.split('|').any(|label| !FINDINGS.contains(&label));
        if unknown {
            return Err(row.fault(
                self.labels,
                format!("findings joined by |, each one of {}", FINDINGS.join(", ")),
            ));
        }
        // One release writes 00000001, the other 1.
        let patient = row.cell(self.patient).trim_start_matches('0');
        if patient.is_empty() || !patient.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(row.fault(self.patient, "the number of a patient"));
        }
        let age = age(row.cell(self.age));
        let mut record = FilmRecord {
            film: named(dataset, films::stem(name)),
            dataset: dataset.to_string(),
            patient: named(dataset, patient),
            view: row.cell(self.view).to_string(),
            sex: sex(row.cell(self.sex)),
            age: age.years(),
            findings: Findings::flat(labels.split('|')),
            ..FilmRecord::default()
        };
        record.notes.insert("findings".into(), labels.into());
        if self.follow_up.is_some() {
            record
                .notes
                .insert("follow_up".into(), row.optional(self.follow_up).into());
        }
        Ok(NihRow {
            name: name.to_string(),
            age,
            record,
        })
    }
}

/// `images/`, or `images_001/images/` and so on, or else the folder itself.
fn film_folders(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io("list", folder))? {
        let path = entry.map_err(Error::io("list", folder))?.path();
        let name = films::name(&path);
        let numbered = name
            .strip_prefix("images_")
            .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
        if path.is_dir() && (name == "images" || numbered) {
            folders.push(path);
        }
    }
    folders.sort();
    if folders.is_empty() {
        folders.push(folder.to_path_buf());
    }
    Ok(folders)
}

/// The note with the findings that have boxes on a film; its other findings have none.
const BOXED: &str = "boxed";

/// The boxes of a film.
#[derive(Default)]
struct Boxed {
    /// As parts of a mask.
    parts: Vec<PathBuf>,
    /// Their findings, each once.
    findings: Vec<&'static str>,
}

impl Boxed {
    fn mask(&self) -> PathBuf {
        together(&self.parts)
    }
}

/// The boxes by the film's stem. The header `Bbox [x,y,w,h]` has unquoted commas, so the four columns are
/// located by the first.
fn boxes(table: &Table) -> Result<HashMap<String, Boxed>, Error> {
    let name = table.needed(&["Image Index"])?;
    let label = table.needed(&["Finding Label"])?;
    let first = table.needed(&["Bbox [x", "Bbox [x,y,w,h]"])?;
    let mut boxes: HashMap<String, Boxed> = HashMap::new();
    for row in table.rows() {
        let text = row.cell(label);
        let known = BOX_NAMES.iter().find(|(theirs, _)| *theirs == text);
        let ours = known.map_or(text, |(_, ours)| ours);
        let finding = FINDINGS
            .into_iter()
            .find(|finding| *finding == ours && ours != NO_FINDING);
        let finding = finding.ok_or_else(|| {
            row.fault(
                label,
                format!("one of {}, or Infiltrate", FINDINGS[..14].join(", ")),
            )
        })?;
        let part = of_row(row, [0, 1, 2, 3].map(|place| first + place), FRAME)?;
        let film = boxes.entry(films::stem(row.cell(name)).to_string()).or_default();
        film.parts.push(part);
        if !film.findings.contains(&finding) {
            film.findings.push(finding);
        }
    }
    Ok(boxes)
}

/// The official lists that exist, by stem.
#[derive(Default)]
struct Lists {
    files: Vec<PathBuf>,
    by_stem: HashMap<String, &'static str>,
}

impl Lists {
    fn of(&self, name: &str) -> Option<&'static str> {
        self.by_stem.get(films::stem(name)).copied()
    }
}

fn official_lists(folder: &Path) -> Result<Lists, Error> {
    let mut lists = Lists::default();
    for (file, name) in LISTS {
        let path = folder.join(file);
        if !path.is_file() {
            continue;
        }
        let text = films::list(&path)?;
        for film in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let before = lists.by_stem.insert(films::stem(film).to_string(), name);
            if before.is_some_and(|before| before != name) {
                return Err(Error::table(
                    &path,
                    format!("{film} is in the other official list too"),
                ));
            }
        }
        lists.files.push(path);
    }
    Ok(lists)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER: &str = "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,\
                          OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],\n";

    const BOX_HEADER: &str = "Image Index,Finding Label,Bbox [x,y,w,h],,,\n";

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes, Path::new("d.csv"), "nih");
            let _ = parse(&[HEADER.as_bytes(), &bytes].concat(), Path::new("d.csv"), "nih");
        }

        #[test]
        fn no_cells_make_the_reader_panic(cells in "([a-zA-Z0-9|,\"é_.\r\n-]|,|Mass|\\|){0,200}") {
            let _ = parse(format!("{HEADER}{cells}").as_bytes(), Path::new("d.csv"), "nih");
            let _ = Table::parse(format!("{BOX_HEADER}{cells}").as_bytes(), Path::new("b.csv")).and_then(|table| boxes(&table).map(drop));
        }
    }
}
