//! Kermany's chest films of children.

use std::path::{Path, PathBuf};

use super::{Dataset, DatasetContent, FilmRecord, Findings, films, named};
use crate::Error;
use pleura_manifest::OFFICIAL_SPLIT;
use pleura_manifest::{AGE_GROUP, NO_FINDING};

pub(super) const DATASET: Dataset = Dataset {
    name: "kermany",
    title: "Chest X-Ray Images (Pneumonia), Kermany",
    expects: "the folder chest_xray with train/, val/, test/ and NORMAL/ and PNEUMONIA/ below each",
    licence: "CC BY 4.0",
    citation: "Kermany DS, Goldbaum M, Cai W, et al. Identifying Medical Diagnoses and Treatable Diseases by Image-Based Deep Learning. \
               Cell 2018.",
    url: "https://data.mendeley.com/datasets/rscbjbr9sj/2",
    overlaps: &[],
    read,
};

const SPLITS: [&str; 3] = ["train", "val", "test"];
const CLASSES: [&str; 2] = ["NORMAL", "PNEUMONIA"];

/// The age group of all patients.
const AGES: &str = "1-5";

/// All films are of children of one to five years; single ages are not published. File names have patient
/// numbers. `test` numbers its patients separately; `train` and `val` share patients.
fn read(folder: &Path, dataset: &str) -> Result<DatasetContent, Error> {
    let mut reading = DatasetContent {
        findings: [NO_FINDING, "Pneumonia", "Bacterial", "Viral"]
            .map(String::from)
            .to_vec(),
        ..DatasetContent::default()
    };
    let (mut nobody, mut broken) = (Vec::new(), Vec::new());
    let mut folders: Vec<(&str, &str, PathBuf)> = Vec::new();
    for split in SPLITS {
        for class in CLASSES {
            folders.push((split, class, folder.join(split).join(class)));
        }
    }
    folders.retain(|(.., films)| films.is_dir());
    if folders.is_empty() {
        return Err(Error::Layout {
            dataset: DATASET.title,
            folder: folder.to_path_buf(),
            problem: "there is no train/NORMAL, train/PNEUMONIA or the like in it".into(),
        });
    }
    for (split, class, films_folder) in folders {
        broken.extend(films::broken_links(std::slice::from_ref(&films_folder))?);
        for file in films::find(&[films_folder])? {
            let name = films::name(&file);
            let stem = films::stem(&name);
            // The test split has its own numbers.
            let series = if split == "test" { "test" } else { "train" };
            let film = named(dataset, &format!("{split}-{class}-{stem}"));
            let patient = match patient(stem) {
                Some(number) => named(dataset, &format!("{series}-{number}")),
                None => {
                    nobody.push(film.clone());
                    film.clone()
                }
            };
            let mut record = FilmRecord {
                film,
                file,
                dataset: dataset.to_string(),
                patient,
                findings: findings(class, stem),
                ..FilmRecord::default()
            };
            record.notes.insert(OFFICIAL_SPLIT.into(), split.into());
            record.notes.insert(AGE_GROUP.into(), AGES.into());
            reading.records.push(record);
        }
    }
    reading.listed = reading.records.len();
    let films: Vec<String> = reading.records.iter().map(|record| record.film.clone()).collect();
    reading.remark(
        "film of a child of one to five years, whose own age is not published",
        &films,
    );
    reading.remark(
        "name without a patient: the film counts as a patient of its own",
        &nobody,
    );
    reading.remark(films::BROKEN, &broken);
    Ok(reading)
}

fn findings(class: &str, stem: &str) -> Findings {
    let path: &[&str] = match class {
        "NORMAL" => &[NO_FINDING],
        _ if stem.contains("bacteria") => &["Pneumonia", "Bacterial"],
        _ if stem.contains("virus") => &["Pneumonia", "Viral"],
        _ => &["Pneumonia"],
    };
    Findings::Named(vec![path.iter().map(ToString::to_string).collect()])
}

/// `person12` of `person12_virus_46`; `IM-0115` of `IM-0115-0001` and of `NORMAL2-IM-0115-0001`.
fn patient(stem: &str) -> Option<&str> {
    ["person", "IM-"].into_iter().find_map(|prefix| {
        let start = stem.find(prefix)?;
        let digits = stem[start + prefix.len()..]
            .bytes()
            .take_while(u8::is_ascii_digit)
            .count();
        (digits > 0).then(|| &stem[start..start + prefix.len() + digits])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patients_are_read_off_names() {
        assert_eq!(patient("person12_virus_46"), Some("person12"));
        assert_eq!(patient("IM-0115-0001"), Some("IM-0115"));
        assert_eq!(patient("NORMAL2-IM-0423-0001-0002"), Some("IM-0423"));
        assert_eq!(patient("BACTERIA-1135262-0001"), None);
        assert_eq!(patient("person_bacteria"), None);
    }
}
