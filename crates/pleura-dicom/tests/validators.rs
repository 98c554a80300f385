//! Every kind of object through the validators of other people: dciodvfy and dcentvfy (dicom3tools), dsr2xml
//! and dcmpschk (DCMTK), pydicom and highdicom.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::{answered, everything, film, identity, made, model, python, tool, unanswered, written};
use pleura::Outcome;
use pleura_dicom::objects::{Kind, ModelIdentity, Settings};

/// Warnings of dciodvfy and dcentvfy that are expected, by a part of their text.
const ACCEPTED: &str = include_str!("accepted_warnings.txt");

fn text(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&both).into_owned()
}

fn is_kind(path: &Path, kind: Kind) -> bool {
    path.to_string_lossy().ends_with(&format!(".{}.dcm", kind.name()))
}

/// dciodvfy has no error and no warning that is not accepted.
fn dciodvfy(path: &Path) {
    // Without arguments it waits for a file; `-version` ends at once.
    let Some(mut program) = installed("dciodvfy") else {
        return;
    };
    let said = text(&program.arg("-new").arg("-filename").arg(path).output().unwrap());
    for line in said
        .lines()
        .filter(|line| line.contains("Error") || line.contains("Warning"))
    {
        let known = ACCEPTED
            .lines()
            .any(|accepted| !accepted.is_empty() && line.contains(accepted));
        assert!(
            known && !line.contains("Error"),
            "{}: {line}\n{said}",
            path.display()
        );
    }
}

/// A program that is found by `command -v`, since not all of them answer to an option.
fn installed(name: &str) -> Option<Command> {
    tool("sh", &["-c", &format!("command -v {name}")]).map(|_| Command::new(name))
}

fn validate(film: &Path, objects: &[PathBuf]) {
    for path in objects {
        dciodvfy(path);
    }
    if let Some(mut program) = installed("dcentvfy") {
        let output = program.arg(film).args(objects).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
    }
    for path in objects.iter().filter(|path| is_kind(path, Kind::Report)) {
        if let Some(mut program) = installed("dsr2xml") {
            let output = program.arg(path).output().unwrap();
            assert!(output.status.success(), "{}", text(&output));
        }
    }
    for path in objects
        .iter()
        .filter(|path| is_kind(path, Kind::PresentationState))
    {
        if let Some(mut program) = installed("dcmpschk") {
            // Its exit code says nothing.
            let said = text(&program.arg(path).output().unwrap());
            assert!(said.contains("Test passed"), "{said}");
        }
    }
}

#[test]
fn every_object_of_every_outcome_passes_every_validator() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path());
    let films: [(&str, Vec<common::Element>); 4] = [
        ("plain", vec![]),
        (
            "bare",
            vec![
                (0x0010, 0x0021, "--", vec![]),
                (0x0010, 0x1010, "--", vec![]),
                (0x0018, 0x0015, "--", vec![]),
                (0x0008, 0x1030, "--", vec![]),
                (0x0018, 0x1164, "--", vec![]),
            ],
        ),
        (
            "inverted",
            vec![
                (0x0028, 0x0004, "CS", b"MONOCHROME1".to_vec()),
                (0x2050, 0x0020, "CS", b"INVERSE".to_vec()),
                (0x0018, 0x5101, "CS", b"AP".to_vec()),
                (0x0008, 0x0060, "CS", b"CR".to_vec()),
            ],
        ),
        (
            "lossy",
            vec![
                (0x0028, 0x2110, "CS", b"01".to_vec()),
                (0x0028, 0x2112, "DS", b"8.5".to_vec()),
                (0x0028, 0x2114, "CS", b"ISO_10918_1".to_vec()),
            ],
        ),
    ];
    for (name, changes) in films {
        // dcentvfy compares bytes, so the film's name is in UTF-8, as in the objects.
        let mut changes = changes;
        changes.push((0x0008, 0x0005, "CS", b"ISO_IR 192".to_vec()));
        changes.push((0x0010, 0x0010, "PN", "Müller^Phantom".as_bytes().to_vec()));
        let bytes = film(&changes);
        let place = folder.path().join(name);
        std::fs::create_dir(&place).unwrap();
        let path = place.join("film.dcm");
        std::fs::write(&path, &bytes).unwrap();
        let package = identity(&model);
        for settings in [everything(), Settings::default()] {
            let answer = answered(&model, &bytes, &settings);
            let weights = pleura_dicom::Answer::of(&model, &bytes, "film.dcm", &settings).unwrap();
            for (kind, answer, model) in [
                ("answered", answer.clone(), &package),
                ("abstained", unanswered(&answer, Outcome::Abstained), &package),
                ("refused", unanswered(&answer, Outcome::Refused), &package),
                ("weights", weights, &ModelIdentity::of(&model)),
            ] {
                let place = place.join(format!("{kind}{}", settings.parametric_map));
                std::fs::create_dir(&place).unwrap();
                let objects = made(&bytes, &answer, model, &settings);
                validate(&path, &written(&place, &objects));
            }
        }
    }
}

#[test]
fn highdicom_and_pydicom_read_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path());
    // Names of PS3.5 annexes H to K, and others; the Python script has them in Unicode.
    let films: [(&str, &[u8], &[u8]); 8] = [
        ("latin1", b"ISO_IR 100", b"M\xfcller^Phantom"),
        ("utf8", b"ISO_IR 192", "Wang^XiaoDong=王^小东".as_bytes()),
        (
            "japanese",
            b"\\ISO 2022 IR 87",
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
        ),
        (
            "kana",
            b"ISO_IR 13\\ISO 2022 IR 87",
            b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J",
        ),
        (
            "arabic",
            b"ISO_IR 127",
            b"\xe2\xc8\xc7\xe6\xea^\xe4\xe6\xd2\xc7\xd1",
        ),
        ("turkish", b"ISO_IR 148", b"\xddlker^G\xfcl"),
        ("greek", b"ISO_IR 126", b"\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2"),
        ("undeclared", b"", b"M\xfcller^Undeclared"),
    ];
    for (name, charset, patient) in films {
        let bytes = film(&[
            (0x0008, 0x0005, "CS", charset.to_vec()),
            (0x0010, 0x0010, "PN", patient.to_vec()),
        ]);
        let place = folder.path().join(name);
        std::fs::create_dir(&place).unwrap();
        std::fs::write(place.join("film.dcm"), &bytes).unwrap();
        let settings = everything();
        let answer = answered(&model, &bytes, &settings);
        let package = identity(&model);
        let objects = made(&bytes, &answer, &package, &settings);
        let paths = written(&place, &objects);
        // Bytes that the film does not declare stay as they are, and no validator accepts them.
        if name != "undeclared" {
            for path in &paths {
                dciodvfy(path);
            }
        }
        // What the script compares with: numbers as this program has them.
        let scores: Vec<_> = answer
            .answer
            .findings
            .iter()
            .map(|score| {
                serde_json::json!({
                    "finding": score.finding,
                    "probability": score.probability,
                    "threshold": score.threshold,
                    "present": score.positive(),
                })
            })
            .collect();
        std::fs::write(place.join("scores.json"), serde_json::to_vec(&scores).unwrap()).unwrap();
        let values = answer
            .heatmaps
            .iter()
            .flat_map(|map| map.values.iter().flat_map(|v| v.to_le_bytes()));
        std::fs::write(place.join("relevance.f32"), values.collect::<Vec<u8>>()).unwrap();
        let pictures = answer
            .heatmaps
            .iter()
            .flat_map(|map| map.picture.rgb.iter().copied());
        std::fs::write(place.join("pictures.rgb"), pictures.collect::<Vec<u8>>()).unwrap();
        if let Some(mut python) = python() {
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/read_back.py");
            let output = python.arg(script).arg(&place).arg(name).output().unwrap();
            assert!(output.status.success(), "{name}: {}", text(&output));
        }
    }
}
