//! DICOM films, answers, and programs of other people for the tests.
#![allow(dead_code, reason = "not every test uses all of it")]
#![allow(clippy::print_stderr, reason = "a test says which part of it is skipped")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use pleura::{Classifier, Film, Flag, Outcome, Verdict};
use pleura_dicom::objects::{Answer, FilmReference, ModelIdentity, Moment, Object, Settings, make};
use pleura_nn::weights::Normalisation;
use pleura_nn::{Architecture, Weights};

/// An element: group, element, value representation, value.
pub(crate) type Element = (u16, u16, &'static str, Vec<u8>);

/// A digital X-ray film of 128 x 160 pixels, with the attributes of `film.py` of the specification's examples,
/// which satisfy dciodvfy. `changes` replace elements; an element with the representation `--` is left out.
pub(crate) fn film(changes: &[Element]) -> Vec<u8> {
    let (columns, rows) = (128_u16, 160_u16);
    let pixels: Vec<u8> = (0..u32::from(rows) * u32::from(columns))
        .flat_map(|place| {
            let (x, y) = (place % u32::from(columns), place / u32::from(columns));
            let wave = 600.0 * (f64::from(x) / 22.5).cos() + 400.0 * (f64::from(y) / 31.0).sin();
            ((2000.0 + wave) as u16 + (x * y % 37) as u16).to_le_bytes()
        })
        .collect();
    let text = |group, element, vr, value: &str| (group, element, vr, value.as_bytes().to_vec());
    let word = |group, element, value: u16| (group, element, "US", value.to_le_bytes().to_vec());
    let code = |value: &str, scheme: &str, meaning: &str, rest: &[u8]| {
        let mut inner = encode(&[
            text(0x0008, 0x0100, "SH", value),
            text(0x0008, 0x0102, "SH", scheme),
            text(0x0008, 0x0104, "LO", meaning),
        ]);
        inner.extend(rest);
        let mut item = vec![0xfe, 0xff, 0x00, 0xe0];
        item.extend((inner.len() as u32).to_le_bytes());
        item.extend(inner);
        item
    };
    let modifier = encode(&[(0x0054, 0x0222, "SQ", Vec::new())]);
    let mut elements: Vec<Element> = vec![
        text(0x0008, 0x0005, "CS", "ISO_IR 100"),
        text(0x0008, 0x0008, "CS", "ORIGINAL\\PRIMARY"),
        text(0x0008, 0x0016, "UI", "1.2.840.10008.5.1.4.1.1.1.1"),
        text(0x0008, 0x0018, "UI", "1.2.826.0.1.3680043.8.498.1001"),
        text(0x0008, 0x0020, "DA", "20261130"),
        text(0x0008, 0x0021, "DA", "20261130"),
        text(0x0008, 0x0022, "DA", "20261130"),
        text(0x0008, 0x0023, "DA", "20261130"),
        text(0x0008, 0x0030, "TM", "101500"),
        text(0x0008, 0x0031, "TM", "101500"),
        text(0x0008, 0x0032, "TM", "101500"),
        text(0x0008, 0x0033, "TM", "101500"),
        text(0x0008, 0x0050, "SH", "A00001"),
        text(0x0008, 0x0060, "CS", "DX"),
        text(0x0008, 0x0068, "CS", "FOR PRESENTATION"),
        text(0x0008, 0x0070, "LO", "Phantom Works"),
        text(0x0008, 0x0080, "LO", "Nowhere Hospital"),
        text(0x0008, 0x0090, "PN", ""),
        text(0x0008, 0x1030, "LO", "Chest PA"),
        text(0x0008, 0x1090, "LO", "Drawer"),
        (0x0008, 0x2218, "SQ", code("816094009", "SCT", "Chest", &[])),
        (0x0010, 0x0010, "PN", b"M\xfcller^Phantom".to_vec()),
        text(0x0010, 0x0020, "LO", "PH0001"),
        text(0x0010, 0x0021, "LO", "Nowhere"),
        text(0x0010, 0x0030, "DA", "19600102"),
        text(0x0010, 0x0040, "CS", "F"),
        text(0x0010, 0x1010, "AS", "066Y"),
        text(0x0018, 0x0015, "CS", "CHEST"),
        text(0x0018, 0x1000, "LO", "1"),
        text(0x0018, 0x1020, "LO", "1"),
        text(0x0018, 0x1164, "DS", "0.7\\0.7"),
        text(0x0018, 0x1508, "CS", "NONE"),
        text(0x0018, 0x5101, "CS", "PA"),
        text(0x0018, 0x7004, "CS", "DIRECT"),
        text(0x0020, 0x000d, "UI", "1.2.826.0.1.3680043.8.498.2001"),
        text(0x0020, 0x000e, "UI", "1.2.826.0.1.3680043.8.498.3001"),
        text(0x0020, 0x0010, "SH", "1"),
        text(0x0020, 0x0011, "IS", "1"),
        text(0x0020, 0x0013, "IS", "1"),
        text(0x0020, 0x0020, "CS", "L\\F"),
        text(0x0020, 0x0062, "CS", "U"),
        word(0x0028, 0x0002, 1),
        text(0x0028, 0x0004, "CS", "MONOCHROME2"),
        word(0x0028, 0x0010, rows),
        word(0x0028, 0x0011, columns),
        word(0x0028, 0x0100, 16),
        word(0x0028, 0x0101, 12),
        word(0x0028, 0x0102, 11),
        word(0x0028, 0x0103, 0),
        text(0x0028, 0x0301, "CS", "NO"),
        text(0x0028, 0x1040, "CS", "LOG"),
        (0x0028, 0x1041, "SS", 1_i16.to_le_bytes().to_vec()),
        text(0x0028, 0x1050, "DS", "2048"),
        text(0x0028, 0x1051, "DS", "4096"),
        text(0x0028, 0x1052, "DS", "0"),
        text(0x0028, 0x1053, "DS", "1"),
        text(0x0028, 0x1054, "LO", "US"),
        text(0x0028, 0x2110, "CS", "00"),
        (0x0040, 0x0555, "SQ", Vec::new()),
        (
            0x0054,
            0x0220,
            "SQ",
            code("272479007", "SCT", "postero-anterior", &modifier),
        ),
        text(0x2050, 0x0020, "CS", "IDENTITY"),
        (0x7fe0, 0x0010, "OW", pixels),
    ];
    for change in changes {
        elements.retain(|one| (one.0, one.1) != (change.0, change.1));
        if change.2 != "--" {
            elements.push(change.clone());
        }
    }
    elements.sort_by_key(|one| (one.0, one.1));
    let of = |tag: (u16, u16)| {
        let found = elements.iter().find(|one| (one.0, one.1) == tag);
        found.map_or(Vec::new(), |one| one.3.clone())
    };
    let meta = encode(&[
        (0x0002, 0x0001, "OB", vec![0, 1]),
        (0x0002, 0x0002, "UI", of((0x0008, 0x0016))),
        (0x0002, 0x0003, "UI", of((0x0008, 0x0018))),
        text(0x0002, 0x0010, "UI", "1.2.840.10008.1.2.1"),
        text(0x0002, 0x0012, "UI", "1.2.826.0.1.3680043.8.498.1"),
    ]);
    let mut bytes = vec![0; 128];
    bytes.extend(b"DICM");
    bytes.extend(encode(&[(
        0x0002,
        0x0000,
        "UL",
        (meta.len() as u32).to_le_bytes().to_vec(),
    )]));
    bytes.extend(meta);
    bytes.extend(encode(&elements));
    bytes
}

/// Explicit little endian.
pub(crate) fn encode(elements: &[Element]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (group, element, vr, value) in elements {
        bytes.extend(group.to_le_bytes());
        bytes.extend(element.to_le_bytes());
        bytes.extend(vr.as_bytes());
        let length = value.len() + value.len() % 2;
        if ["OB", "OW", "SQ"].contains(vr) {
            bytes.extend([0, 0]);
            bytes.extend((length as u32).to_le_bytes());
        } else {
            bytes.extend((length as u16).to_le_bytes());
        }
        bytes.extend(value);
        if value.len() % 2 == 1 {
            bytes.push(if *vr == "UI" { 0 } else { b' ' });
        }
    }
    bytes
}

/// A small network with fresh weights. Nothing about films can be learnt from its answers.
pub(crate) fn model(folder: &Path) -> Classifier {
    let findings = ["COVID-19", "Pneumonia", "Cardiomegaly", "Mass", "No Finding"].map(str::to_owned);
    let architecture = Architecture::by_name("small").unwrap();
    let mut weights = Weights::initialise(&architecture, &findings, Normalisation::IMAGENET, 3);
    for (key, value) in [("kind", "independent"), ("preparation", r#"{"size":64}"#)] {
        weights.metadata.insert(key.to_owned(), value.to_owned());
    }
    let path = folder.join("weights.safetensors");
    weights.write(&path).unwrap();
    Classifier::open(path).unwrap()
}

/// The model as a package would name itself.
pub(crate) fn identity(model: &Classifier) -> ModelIdentity {
    ModelIdentity {
        kind: pleura_dicom::objects::ModelKind::Package,
        name: "five findings".to_owned(),
        version: "1.2.0".to_owned(),
        signer: Some("SHA256:0011223344556677".to_owned()),
        limits: vec![("layout".to_owned(), 3.0), ("tones".to_owned(), 5.5)],
        ..ModelIdentity::of(model)
    }
}

/// The network's answer, with thresholds that call the two likeliest findings, as a package would give it. The
/// least likely finding has no threshold.
pub(crate) fn answered(model: &Classifier, bytes: &[u8], settings: &Settings) -> Answer {
    let film = Film::from_bytes(bytes, "film.dcm").unwrap();
    let mut answer = model.predict(&film).unwrap();
    let mut order: Vec<f64> = answer.findings.iter().map(|score| score.probability).collect();
    order.sort_by(f64::total_cmp);
    for score in &mut answer.findings {
        score.calibrated = true;
        score.threshold = (score.probability > order[0]).then_some(order[order.len() - 2]);
    }
    answer.measures = vec![("layout", 1.25), ("tones", 2.5)];
    answer.not_checked = vec!["body part"];
    Answer::explained(model, &film, answer, settings).unwrap()
}

/// A film that the package abstains from or refuses.
pub(crate) fn unanswered(answer: &Answer, outcome: Outcome) -> Answer {
    let mut answer = answer.clone();
    let verdict = if outcome == Outcome::Refused {
        Verdict::Refuse
    } else {
        Verdict::Abstain
    };
    answer.answer.outcome = outcome;
    answer.answer.flags = vec![
        Flag::new("polarity", verdict, "black and white appear exchanged".to_owned()),
        Flag::new(
            "tones",
            verdict,
            "far from the training films: 9.20, limit 5.50".to_owned(),
        ),
    ];
    answer.answer.withheld = std::mem::take(&mut answer.answer.findings);
    answer
}

pub(crate) fn moment() -> Moment {
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_100_001);
    Moment::at(at).began(at - Duration::from_secs(3))
}

/// Everything that can be made.
pub(crate) fn everything() -> Settings {
    Settings {
        presentation_state: true,
        parametric_map: true,
        refused: true,
        station: "host-1".to_owned(),
        ..Settings::default()
    }
}

/// The objects of a film in a folder: their paths.
pub(crate) fn written(folder: &Path, objects: &[Object]) -> Vec<PathBuf> {
    let write = |object: &Object| {
        let path = folder.join(object.file_name());
        std::fs::write(&path, &object.bytes).unwrap();
        path
    };
    objects.iter().map(write).collect()
}

pub(crate) fn made(bytes: &[u8], answer: &Answer, model: &ModelIdentity, settings: &Settings) -> Vec<Object> {
    let film = FilmReference::read(bytes, "film.dcm").unwrap();
    make(&film, answer, model, settings, &moment()).unwrap()
}

/// A program of other people; `None`, with a line that names it, if it is missing.
///
/// # Panics
/// If it is missing where it must not: in CI, or with `PLEURA_DICOM_TOOLS` set as `.ci/run` does.
pub(crate) fn tool(name: &str, probe: &[&str]) -> Option<Command> {
    let starts = Command::new(name).args(probe).output();
    if starts.is_ok_and(|output| output.status.success()) {
        return Some(Command::new(name));
    }
    let needed = ["CI", "PLEURA_DICOM_TOOLS"]
        .iter()
        .any(|name| std::env::var_os(name).is_some());
    let advice = "on Debian: apt-get install dcmtk dicom3tools; pip install highdicom pydicom";
    assert!(!needed, "{name} {probe:?} does not start; {advice}");
    eprintln!("skipped a part of this test: {name} {probe:?} does not start; {advice}");
    None
}

/// A Python with pydicom and highdicom: `PLEURA_DICOM_PYTHON`, else `python3`.
pub(crate) fn python() -> Option<Command> {
    let python = std::env::var("PLEURA_DICOM_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    tool(&python, &["-c", "import pydicom, highdicom, numpy"])
}
