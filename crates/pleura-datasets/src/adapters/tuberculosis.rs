//! The two tuberculosis datasets of the National Library of Medicine: Montgomery County and Shenzhen.

use std::path::Path;

use super::{Age, Dataset, DatasetContent, FilmRecord, Findings, age, films, named, sex};
use crate::Error;
use pleura_manifest::{NO_FINDING, Sex, together};

const CITATION: &str = "Jaeger S, Candemir S, Antani S, Wáng YX, Lu PX, Thoma G. Two public chest X-ray datasets for computer-aided screening of \
                        pulmonary diseases. Quantitative Imaging in Medicine and Surgery 2014.";
const LICENCE: &str = "Publications are asked to name the source (National Library of Medicine, and Montgomery County or Shenzhen No.3 People's Hospital) and \
                       to cite it; for further terms see the page";

pub(super) const MONTGOMERY: Dataset = Dataset {
    name: "montgomery",
    title: "Montgomery County X-ray Set",
    expects: "the folder MontgomerySet with CXR_png/, ClinicalReadings/ and ManualMask/",
    licence: LICENCE,
    citation: CITATION,
    url: "https://lhncbc.nlm.nih.gov/LHC-downloads/dataset.html",
    overlaps: &[],
    read: |folder, dataset| read(folder, dataset, &MONTGOMERY, "MCUCXR_", "PA"),
};

pub(super) const SHENZHEN: Dataset = Dataset {
    name: "shenzhen",
    title: "Shenzhen Hospital X-ray Set",
    expects: "the folder ChinaSet_AllFiles with CXR_png/ and ClinicalReadings/",
    licence: LICENCE,
    citation: CITATION,
    url: "https://lhncbc.nlm.nih.gov/LHC-downloads/dataset.html",
    overlaps: &[],
    read: |folder, dataset| read(folder, dataset, &SHENZHEN, "CHNCXR_", ""),
};

const TUBERCULOSIS: &str = "Tuberculosis";

/// Folders of Montgomery's masks, one file a lung.
const MASKS: [&str; 2] = ["ManualMask/leftMask", "ManualMask/rightMask"];

/// The last digit of a film's name is its label. A text file beside it has the patient's data. Each patient
/// has one film.
fn read(
    folder: &Path,
    dataset: &str,
    source: &'static Dataset,
    prefix: &str,
    view: &str,
) -> Result<DatasetContent, Error> {
    let images = folder.join("CXR_png");
    if !images.is_dir() {
        return Err(Error::Layout {
            dataset: source.title,
            folder: folder.to_path_buf(),
            problem: "CXR_png/ is not in it".into(),
        });
    }
    let mut reading = DatasetContent {
        findings: vec![TUBERCULOSIS.to_string(), NO_FINDING.to_string()],
        ..DatasetContent::default()
    };
    let (mut strange, mut unread, mut impossible, mut halved) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let broken = films::broken_links(std::slice::from_ref(&images))?;
    for file in films::find(&[images])? {
        let name = films::name(&file);
        let stem = films::stem(&name);
        let finding = match stem.strip_prefix(prefix).and_then(|rest| rest.split_once('_')) {
            Some((_, "0")) => NO_FINDING,
            Some((_, "1")) => TUBERCULOSIS,
            _ => {
                strange.push(name);
                continue;
            }
        };
        let film = named(dataset, stem);
        let text = folder.join("ClinicalReadings").join(format!("{stem}.txt"));
        let (sex, years) = match std::fs::read(&text) {
            Ok(bytes) => person(&String::from_utf8_lossy(&bytes)),
            Err(_) => {
                unread.push(film.clone());
                (None, Age::Blank)
            }
        };
        if years == Age::Impossible {
            impossible.push(film.clone());
        }
        let mut record = FilmRecord {
            patient: film.clone(),
            film,
            file,
            dataset: dataset.to_string(),
            view: view.to_string(),
            sex,
            age: years.years(),
            findings: Findings::flat([finding]),
            ..FilmRecord::default()
        };
        let masks = MASKS.map(|lung| folder.join(lung).join(&name));
        match masks.iter().filter(|mask| mask.is_file()).count() {
            0 => {}
            2 => record.masks.lung = Some(together(&masks)),
            _ => halved.push(record.film.clone()),
        }
        reading.records.push(record);
    }
    reading.listed = reading.records.len();
    reading.remark("name that says no finding, passed over", &strange);
    reading.remark("film without a clinical reading: age and sex unknown", &unread);
    reading.remark("age cannot be read, taken as unknown", &impossible);
    reading.remark("mask of one lung only, not taken", &halved);
    reading.remark(films::BROKEN, &broken);
    Ok(reading)
}

/// Sex and age from `Patient's Sex: F`, `Patient's Age: 027Y`, or from `male 45yrs`, `Female,8 month`.
fn person(text: &str) -> (Option<Sex>, Age) {
    let mut words = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .peekable();
    let (mut of, mut years) = (None, Age::Blank);
    while let Some(word) = words.next() {
        if of.is_none() {
            of = sex(word);
        }
        if years == Age::Blank && word.starts_with(|c: char| c.is_ascii_digit()) {
            let (digits, unit) = word.split_at(word.bytes().take_while(u8::is_ascii_digit).count());
            // The word after a number is its unit only if it is a unit: in `45 male` it is not.
            let letter = if unit.is_empty() {
                words
                    .peek()
                    .and_then(|word| unit_of_age(word))
                    .unwrap_or_default()
            } else {
                unit_of_age(unit).unwrap_or(unit)
            };
            years = age(&format!("{digits}{letter}"));
        }
    }
    (of, years)
}

/// The letter of a word for years, months, weeks or days; `45 M` means male.
fn unit_of_age(word: &str) -> Option<&'static str> {
    match word.to_ascii_lowercase().as_str() {
        "y" | "yo" | "yr" | "yrs" | "year" | "years" => Some("Y"),
        "mo" | "mos" | "month" | "months" => Some("M"),
        "wk" | "wks" | "week" | "weeks" => Some("W"),
        "day" | "days" => Some("D"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_say_of_whom_a_film_is() {
        let of = |text: &str| person(text);
        assert_eq!(
            of("Patient's Sex: F\nPatient's Age: 027Y\nnormal\n"),
            (Some(Sex::Female), Age::Years(27.0))
        );
        assert_eq!(of("male 45yrs\nnormal"), (Some(Sex::Male), Age::Years(45.0)));
        assert_eq!(of("female,6 months\nPTB"), (Some(Sex::Female), Age::Years(0.5)));
        assert_eq!(of("45 male\nnormal"), (Some(Sex::Male), Age::Years(45.0)));
        assert_eq!(of("45 M").1, Age::Years(45.0));
        assert_eq!(of("006M").1, Age::Years(0.5));
        assert_eq!(of("45, woman without"), (None, Age::Years(45.0)));
        assert_eq!(of("female 3 weeks").1, age("3W"));
        assert_eq!(of("no words of it"), (None, Age::Blank));
        assert_eq!(of("male 450yrs"), (Some(Sex::Male), Age::Impossible));
    }
}
