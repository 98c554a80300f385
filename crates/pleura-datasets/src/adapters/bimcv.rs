//! BIMCV-COVID19+ and BIMCV-COVID19−.

mod tables;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::padchest::{EXCLUDE, UNCHANGED, finding};
use super::{Age, Dataset, DatasetContent, FilmRecord, Findings, films, named};
use crate::Error;
use pleura_manifest::Label;
use tables::{Person, Tables};

pub(super) const DATASET: Dataset = Dataset {
    name: "bimcv",
    title: "BIMCV-COVID19",
    expects: "the folder covid19_posi or covid19_neg (participants.tsv, sub-…/ses-…/mod-rx/, derivatives/), or the folder that has them",
    licence: "BIMCV-COVID19 Research Use Agreement: research only, no passing on without permission (see the page)",
    citation: "de la Iglesia Vayá M, Saborit JM, Montell JA, et al. BIMCV COVID-19+: a large annotated dataset of RX and CT images from COVID-19 \
               patients. 2020, arXiv 2006.01174.",
    url: "https://github.com/BIMCV-CSUSP/BIMCV-COVID-19",
    overlaps: &["siim", "covidx"],
    read,
};

/// The two halves, which may lie in one folder.
const HALVES: [&str; 2] = ["covid19_posi", "covid19_neg"];

/// The table of patients in both halves, published with the negative half.
const IN_BOTH: &str = "listjoin_ok.tsv";

/// The label that leaves COVID-19 open.
const UNCERTAIN: &str = "COVID 19 uncertain";
const COVID: &str = "COVID-19";

/// Findings are those of the reports. The nearest test becomes a note, because it may be long before or after
/// the film.
fn read(folder: &Path, dataset: &str) -> Result<DatasetContent, Error> {
    let mut roots: Vec<PathBuf> = HALVES.iter().map(|half| folder.join(half)).collect();
    roots.push(folder.to_path_buf());
    roots.retain(|root| root.join("participants.tsv").is_file());
    if roots.is_empty() {
        return Err(Error::Layout {
            dataset: DATASET.title,
            folder: folder.to_path_buf(),
            problem: "participants.tsv is neither in it nor in covid19_posi/ or covid19_neg/".into(),
        });
    }
    let mut reading = DatasetContent::default();
    let mut seen = Seen::default();
    let mut names = BTreeSet::new();
    let in_both = in_both(folder, &roots);
    let same_people = in_both.as_deref().map(tables::same_people).transpose()?;
    for root in &roots {
        let tables = Tables::read(root)?;
        names.extend(
            tables
                .labels
                .values()
                .flatten()
                .map(|label| finding(label).to_string()),
        );
        // The table uses numbers of the negative half. The positive half uses the same numbers for other
        // patients.
        let others = same_people.as_ref().filter(|_| !is_positive(root));
        half(root, dataset, &tables, others, &mut reading, &mut seen)?;
        reading.files.extend(tables.files);
    }
    reading.files.extend(in_both.clone());
    for label in EXCLUDE.into_iter().chain([UNCERTAIN, UNCHANGED]) {
        names.remove(label);
    }
    names.insert(COVID.to_string());
    reading.findings = names.into_iter().collect();

    let left = reading.records.len();
    reading.exclude_listed(
        "its session has no labels",
        &seen.unlabelled,
        left + seen.cut_off.len() + seen.contradicted.len(),
    );
    reading.exclude_listed(
        "its session's list of labels breaks off",
        &seen.cut_off,
        left + seen.contradicted.len(),
    );
    if !seen.contradicted.is_empty() {
        reading.exclude_listed(
            "its session has two lists of labels that contradict each other",
            &seen.contradicted,
            left,
        );
    }
    reading.keep_frontal(|view| matches!(view, "PA" | "AP"));
    reading.exclude(
        "its session's list of labels is empty, which is not normal",
        |record| record.findings == Findings::Unstated,
    );
    reading.exclude("report is marked to be left out", |record| {
        EXCLUDE.iter().any(|label| record.findings.has(label))
    });
    reading.exclude("report says no more than that nothing changed", |record| {
        record.findings == Findings::Named(Vec::new())
    });
    leave_open(&mut reading);
    reading.exclude("No Finding beside another finding", |record| {
        record.findings.contradicts_itself()
    });
    reading.remark("age impossible, taken as unknown", &seen.impossible);
    reading.remark(
        "session with labels, but without a film here (many have CT alone)",
        &seen.empty,
    );
    reading.remark(films::BROKEN, &films::broken_links(&roots)?);
    if in_both.is_none() && roots.len() > 1 {
        reading.remark(
            "missing, so that who is in both halves counts as two patients",
            &[IN_BOTH.to_string()],
        );
    }
    reading.set_unlisted(seen.strangers);
    Ok(reading)
}

fn is_positive(root: &Path) -> bool {
    films::name(root) == HALVES[0]
}

/// The table of patients in both halves: in the folder, in a half or beside it.
fn in_both(folder: &Path, roots: &[PathBuf]) -> Option<PathBuf> {
    let beside = roots.iter().filter_map(|root| root.parent());
    std::iter::once(folder)
        .chain(roots.iter().map(PathBuf::as_path))
        .chain(beside)
        .map(|place| place.join(IN_BOTH))
        .find(|path| path.is_file())
}

/// Counts of the reading.
#[derive(Default)]
struct Seen {
    unlabelled: Vec<String>,
    cut_off: Vec<String>,
    contradicted: Vec<String>,
    impossible: Vec<String>,
    empty: Vec<String>,
    strangers: Vec<PathBuf>,
}

fn half(
    root: &Path,
    dataset: &str,
    tables: &Tables,
    same_people: Option<&HashMap<String, String>>,
    reading: &mut DatasetContent,
    seen: &mut Seen,
) -> Result<(), Error> {
    let mut met = HashSet::new();
    for file in films::find(&[root.to_path_buf()])? {
        let Some(place) = ManifestFolder::of(&file, root) else {
            continue;
        };
        let Some(person) = tables.people.get(&place.subject) else {
            seen.strangers.push(file);
            continue;
        };
        reading.listed += 1;
        met.insert(place.session.clone());
        let name = films::name(&file);
        let film = named(dataset, films::stem(&name));
        if tables.contradicted.contains(&place.session) {
            seen.contradicted.push(film);
            continue;
        }
        let Some(labels) = tables.labels.get(&place.session) else {
            if tables.cut_off.contains(&place.session) {
                seen.cut_off.push(film);
            } else {
                seen.unlabelled.push(film);
            }
            continue;
        };
        let Person { sex, age } = person;
        if *age == Age::Impossible {
            seen.impossible.push(film.clone());
        }
        let patient = same_people
            .and_then(|people| people.get(&place.subject))
            .unwrap_or(&place.subject);
        let mut record = FilmRecord {
            film,
            patient: named(dataset, patient),
            study: place.session.clone(),
            view: view(&name, &file),
            file,
            dataset: dataset.to_string(),
            sex: *sex,
            age: age.years(),
            findings: findings(labels),
            ..FilmRecord::default()
        };
        if let Some((result, days)) = tables.test(&place.subject, &place.session) {
            record.notes.insert("covid_test".into(), result.to_string());
            record.notes.insert("covid_test_days".into(), days.to_string());
        }
        reading.records.push(record);
    }
    let empty = tables.labels.keys().filter(|session| !met.contains(*session));
    seen.empty.extend(empty.cloned());
    seen.empty.sort();
    Ok(())
}

/// The findings of a report; "unchanged" is not a finding.
fn findings(labels: &[String]) -> Findings {
    if labels.is_empty() {
        return Findings::Unstated;
    }
    let found = labels.iter().filter(|label| *label != UNCHANGED);
    Findings::flat(found.map(|label| finding(label)))
}

/// Turns the label that leaves COVID-19 open into an open COVID-19.
fn leave_open(reading: &mut DatasetContent) {
    for record in &mut reading.records {
        if !record.findings.has(UNCERTAIN) {
            continue;
        }
        let mut labels: BTreeMap<String, Label> = reading
            .findings
            .iter()
            .map(|name| {
                let label = if record.findings.has(name) {
                    Label::Positive
                } else {
                    Label::Negative
                };
                (name.clone(), label)
            })
            .collect();
        if let Some(label) = labels.get_mut(COVID).filter(|label| **label == Label::Negative) {
            *label = Label::Uncertain;
        }
        record.findings = Findings::Labelled(labels);
    }
}

/// Where a radiograph lies below its half.
struct ManifestFolder {
    subject: String,
    session: String,
}

impl ManifestFolder {
    /// `sub-S03047/ses-E07985/mod-rx/…`; nothing for what is no radiograph.
    fn of(file: &Path, root: &Path) -> Option<Self> {
        let parts: Vec<String> = file
            .strip_prefix(root)
            .ok()?
            .iter()
            .map(|part| part.to_string_lossy().into_owned())
            .collect();
        let starting = |start: &str| {
            parts[..parts.len() - 1]
                .iter()
                .find(|part| part.starts_with(start))
                .cloned()
        };
        starting("mod-rx")?;
        Some(Self {
            subject: starting("sub-")?,
            session: starting("ses-")?,
        })
    }
}

/// The projection in the film's name (`vp-pa`), or else in the header that was kept beside it as JSON.
fn view(name: &str, file: &Path) -> String {
    let named = films::stem(name)
        .split('_')
        .find_map(|part| part.strip_prefix("vp-"))
        .map(str::to_ascii_uppercase);
    let kept = || {
        let bytes = std::fs::read(file.with_extension("json")).ok()?;
        let header: serde_json::Value = serde_json::from_slice(&bytes).ok()?;
        let element = header.get("00185101").or_else(|| header.get("ViewPosition"))?;
        let value = element
            .get("Value")
            .and_then(|values| values.get(0))
            .unwrap_or(element);
        Some(value.as_str()?.trim().to_ascii_uppercase())
    };
    named.or_else(kept).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_in_both_halves_is_one_patient() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        for (half, subjects) in [("posi", ["S1", "S2"]), ("neg", ["S2", "S3"])] {
            let mut people = "participant\tage\tgender\n".to_string();
            let mut labels = "PatientID\tReportID\tLabels\n".to_string();
            for subject in subjects {
                people += &format!("sub-{subject}\t[50]\tF\n");
                labels += &format!("{subject}\tE{half}{subject}\t['normal']\n");
                let place = format!("sub-{subject}/ses-E{half}{subject}/mod-rx");
                write(&format!("covid19_{half}/{place}/{half}-{subject}_vp-pa.png"), "");
            }
            write(&format!("covid19_{half}/participants.tsv"), &people);
            write(&format!("covid19_{half}/derivatives/labels/labels.tsv"), &labels);
        }
        let patients = |folder: &Path| -> (Vec<String>, DatasetContent) {
            let reading = read(folder, "b").unwrap();
            let patients = reading.records.iter().map(|record| record.patient.clone());
            (patients.collect(), reading)
        };
        let both = folder.path();
        let (apart, reading) = patients(both);
        assert_eq!(apart, ["b-sub-S1", "b-sub-S2", "b-sub-S2", "b-sub-S3"]);
        assert_eq!(reading.remarks[0].examples, [IN_BOTH]);

        // The positive half's S2 is somebody else than the negative one's.
        let table = "\tcovid19_posi\tcovid19_neg\n0\tsub-S9\tsub-S2\n1\tS1\tS3\n";
        for place in ["", "covid19_neg/", "covid19_posi/"] {
            let name = format!("{place}{IN_BOTH}");
            write(&name, table);
            let (joined, reading) = patients(both);
            assert_eq!(joined, ["b-sub-S1", "b-sub-S2", "b-sub-S9", "b-sub-S1"]);
            assert!(reading.files.contains(&both.join(&name)) && reading.remarks.is_empty());
            let (half, _) = patients(&both.join("covid19_neg"));
            let known = place != "covid19_posi/";
            let expected = if known {
                ["b-sub-S9", "b-sub-S1"]
            } else {
                ["b-sub-S2", "b-sub-S3"]
            };
            assert_eq!(half, expected, "{place}");
            std::fs::remove_file(both.join(&name)).unwrap();
        }
    }
}
