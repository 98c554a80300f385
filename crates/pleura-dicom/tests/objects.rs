//! The contents of objects, by outcome; UIDs; faults that are found; hostile films. Objects are read by dicom-object.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::collections::BTreeSet;
use std::io::Cursor;
use std::time::{Duration, SystemTime};

use common::{answered, everything, film, identity, made, model, moment, unanswered};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;
use dicom_object::{InMemDicomObject, OpenFileOptions};
use pleura::Outcome;
use pleura_dicom::objects::{
    Answer, Error, FilmReference, Kind, ModelIdentity, Moment, NOTICE, Object, Predecessor, Settings, check,
    make,
};

type Set = InMemDicomObject;

fn read(object: &Object) -> Set {
    let file = OpenFileOptions::new()
        .from_reader(Cursor::new(&object.bytes))
        .unwrap();
    file.into_inner()
}

fn text(set: &Set, tag: Tag) -> String {
    let value = set.get(tag).map(|element| element.to_str().unwrap().into_owned());
    value.unwrap_or_default().trim_end_matches(['\0', ' ']).to_owned()
}

fn items(set: &Set, tag: Tag) -> Vec<Set> {
    set.get(tag)
        .and_then(|element| element.items())
        .unwrap_or_default()
        .to_vec()
}

/// The children of a content item with a concept.
fn children(set: &Set, code: &str) -> Vec<Set> {
    let name = |item: &Set| {
        items(item, tags::CONCEPT_NAME_CODE_SEQUENCE)
            .first()
            .map(|name| text(name, tags::CODE_VALUE))
    };
    let all = items(set, tags::CONTENT_SEQUENCE).into_iter();
    all.filter(|item| name(item).as_deref() == Some(code)).collect()
}

/// The coded values of children.
fn codes(set: &Set, code: &str) -> Vec<String> {
    let found = children(set, code);
    found
        .iter()
        .map(|item| text(&items(item, tags::CONCEPT_CODE_SEQUENCE)[0], tags::CODE_VALUE))
        .collect()
}

fn kinds(objects: &[Object]) -> Vec<&'static str> {
    objects.iter().map(|object| object.kind.name()).collect()
}

fn report(objects: &[Object]) -> Set {
    read(
        objects
            .last()
            .filter(|object| object.kind == Kind::Report)
            .unwrap(),
    )
}

#[test]
fn the_outcome_decides_what_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let (model, bytes) = (model(folder.path()), film(&[]));
    let package = identity(&model);
    let all = everything();
    let answer = answered(&model, &bytes, &all);
    assert_eq!(
        kinds(&made(&bytes, &answer, &package, &all)),
        ["sc", "sc", "pm", "pr", "sr"]
    );
    let plain = Settings::default();
    assert_eq!(
        kinds(&made(&bytes, &answer, &package, &plain)),
        ["sc", "sc", "sr"]
    );
    let answer = answered(&model, &bytes, &plain);

    let objects = made(&bytes, &answer, &package, &plain);
    let root = report(&objects);
    let evaluations = &children(&root, "C0034375")[0];
    assert_eq!(codes(evaluations, "outcome"), ["answered"]);
    assert_eq!(codes(evaluations, "111017"), ["111242"]);
    let groups = children(&children(&root, "126010")[0], "125007");
    assert_eq!(groups.len(), 6);
    let presence: Vec<String> = groups.iter().flat_map(|group| codes(group, "121052")).collect();
    let count = |code: &str| presence.iter().filter(|found| *found == code).count();
    assert_eq!(
        (count("121053"), count("121054")),
        (2, 2),
        "one finding has no threshold"
    );
    assert_eq!(
        groups.iter().flat_map(|group| children(group, "130404")).count(),
        answer.heatmaps.len()
    );

    for outcome in [Outcome::Abstained, Outcome::Refused] {
        let silent = unanswered(&answer, outcome);
        let objects = made(&bytes, &silent, &package, &all);
        assert_eq!(kinds(&objects), ["sr"], "no picture, no map, no contours");
        let root = report(&objects);
        let evaluations = &children(&root, "C0034375")[0];
        assert_eq!(codes(evaluations, "outcome"), [outcome.name()]);
        assert_eq!(codes(evaluations, "111017"), ["111245"]);
        assert_eq!(codes(evaluations, "reason"), ["polarity", "tones"]);
        assert_eq!(children(evaluations, "explanation").len(), 2);
        let groups = children(&children(&root, "126010")[0], "125007");
        assert_eq!(codes(&groups[0], "121071"), ["fit"]);
        assert_eq!(groups.len(), 1);
    }
    let refused = unanswered(&answer, Outcome::Refused);
    assert!(
        made(&bytes, &refused, &package, &plain).is_empty(),
        "no report of laterals and hands"
    );

    let weights = Answer::of(&model, &bytes, "film.dcm", &plain).unwrap();
    let objects = made(&bytes, &weights, &ModelIdentity::of(&model), &plain);
    assert_eq!(kinds(&objects), ["sc", "sr"], "without thresholds, the likeliest");
    let evaluations = &children(&report(&objects), "C0034375")[0];
    assert!(codes(evaluations, "111017").is_empty());
    let not_checked = text(&children(evaluations, "not-checked")[0], tags::TEXT_VALUE);
    assert!(not_checked.contains("no package"), "{not_checked}");

    let none = Settings {
        heatmaps: 0,
        ..everything()
    };
    let answer = answered(&model, &bytes, &none);
    assert_eq!(kinds(&made(&bytes, &answer, &package, &none)), ["sr"]);
}

/// Section 2 of the specification: attributes and values that each kind must have.
#[test]
fn each_required_attribute_has_its_value() {
    let folder = tempfile::tempdir().unwrap();
    let (model, bytes) = (model(folder.path()), film(&[]));
    let settings = everything();
    let answer = answered(&model, &bytes, &settings);
    let objects = made(&bytes, &answer, &identity(&model), &settings);
    let all: &[(Tag, &str)] = &[
        (tags::SPECIFIC_CHARACTER_SET, "ISO_IR 192"),
        (tags::PATIENT_NAME, "Müller^Phantom"),
        (tags::PATIENT_ID, "PH0001"),
        (tags::ISSUER_OF_PATIENT_ID, "Nowhere"),
        (tags::PATIENT_BIRTH_DATE, "19600102"),
        (tags::PATIENT_SEX, "F"),
        (tags::PATIENT_AGE, "066Y"),
        (tags::STUDY_DATE, "20261130"),
        (tags::STUDY_TIME, "101500"),
        (tags::ACCESSION_NUMBER, "A00001"),
        (tags::REFERRING_PHYSICIAN_NAME, ""),
        (tags::STUDY_DESCRIPTION, "Chest PA"),
        (tags::STUDY_INSTANCE_UID, "1.2.826.0.1.3680043.8.498.2001"),
        (tags::STUDY_ID, "1"),
        (tags::MANUFACTURER, "pleura"),
        (tags::MANUFACTURER_MODEL_NAME, "pleura"),
        (tags::DEVICE_SERIAL_NUMBER, "host-1"),
        (tags::STATION_NAME, "host-1"),
        (tags::INSTANCE_CREATION_DATE, "20261201"),
        (tags::TIMEZONE_OFFSET_FROM_UTC, "+0000"),
    ];
    let sc: &[(Tag, &str)] = &[
        (tags::SOP_CLASS_UID, "1.2.840.10008.5.1.4.1.1.7"),
        (tags::MODALITY, "OT"),
        (tags::SERIES_NUMBER, "9001"),
        (
            tags::SERIES_DESCRIPTION,
            "pleura heatmap (research, not for diagnosis)",
        ),
        (tags::IMAGE_TYPE, "DERIVED\\SECONDARY"),
        (tags::CONVERSION_TYPE, "WSD"),
        (tags::BODY_PART_EXAMINED, "CHEST"),
        (tags::PATIENT_ORIENTATION, "L\\F"),
        (tags::BURNED_IN_ANNOTATION, "NO"),
        (tags::RECOGNIZABLE_VISUAL_FEATURES, "NO"),
        (tags::LOSSY_IMAGE_COMPRESSION, "00"),
        (tags::IMAGE_COMMENTS, NOTICE),
        (tags::PHOTOMETRIC_INTERPRETATION, "RGB"),
        (tags::SAMPLES_PER_PIXEL, "3"),
    ];
    let pr: &[(Tag, &str)] = &[
        (tags::SOP_CLASS_UID, "1.2.840.10008.5.1.4.1.1.11.1"),
        (tags::MODALITY, "PR"),
        (tags::SERIES_NUMBER, "9002"),
        (tags::CONTENT_LABEL, "PLEURA"),
        (tags::CONTENT_CREATOR_NAME, "pleura^"),
        (tags::PRESENTATION_LUT_SHAPE, "IDENTITY"),
        (tags::RESCALE_SLOPE, "1"),
        (tags::INSTANCE_NUMBER, "1"),
    ];
    let pm: &[(Tag, &str)] = &[
        (tags::SOP_CLASS_UID, "1.2.840.10008.5.1.4.1.1.30"),
        (tags::MODALITY, "OT"),
        (tags::SERIES_NUMBER, "9003"),
        (tags::IMAGE_TYPE, "DERIVED\\PRIMARY\\VOLUME\\NONE"),
        (tags::CONTENT_QUALIFICATION, "RESEARCH"),
        (tags::CONTENT_LABEL, "RELEVANCE"),
        (tags::NUMBER_OF_FRAMES, "2"),
        (tags::BITS_ALLOCATED, "32"),
        (tags::PRESENTATION_LUT_SHAPE, "IDENTITY"),
    ];
    let sr: &[(Tag, &str)] = &[
        (tags::SOP_CLASS_UID, "1.2.840.10008.5.1.4.1.1.88.34"),
        (tags::MODALITY, "SR"),
        (tags::SERIES_NUMBER, "9004"),
        (tags::INSTANCE_NUMBER, "1"),
        (tags::COMPLETION_FLAG, "COMPLETE"),
        (tags::VERIFICATION_FLAG, "UNVERIFIED"),
        (tags::PRELIMINARY_FLAG, "PRELIMINARY"),
        (tags::VALUE_TYPE, "CONTAINER"),
        (tags::CONTINUITY_OF_CONTENT, "SEPARATE"),
    ];
    for object in &objects {
        let set = read(object);
        let own = match object.kind {
            Kind::SecondaryCapture => sc,
            Kind::PresentationState => pr,
            Kind::ParametricMap => pm,
            Kind::Report => sr,
        };
        for (tag, value) in all.iter().chain(own) {
            assert!(set.get(*tag).is_some(), "{} {tag}", object.kind.name());
            assert_eq!(text(&set, *tag), *value, "{} {tag}", object.kind.name());
        }
        let equipment = &items(&set, tags::CONTRIBUTING_EQUIPMENT_SEQUENCE)[0];
        assert_eq!(text(equipment, tags::MANUFACTURER_MODEL_NAME), "five findings");
        assert_eq!(text(equipment, tags::SOFTWARE_VERSIONS), "1.2.0");
        let absent = match object.kind {
            Kind::Report => vec![tags::BODY_PART_EXAMINED],
            Kind::SecondaryCapture => vec![tags::PIXEL_SPACING],
            Kind::ParametricMap => vec![tags::BITS_STORED, tags::HIGH_BIT, tags::PIXEL_REPRESENTATION],
            Kind::PresentationState => vec![tags::CONTENT_DATE],
        };
        for tag in absent {
            assert!(set.get(tag).is_none(), "{} {tag}", object.kind.name());
        }
    }
    // A lossy film stays lossy; a film without orientation and age has none.
    let bytes = film(&[
        (0x0028, 0x2110, "CS", b"01".to_vec()),
        (0x0028, 0x2112, "DS", b"8.5".to_vec()),
        (0x0020, 0x0020, "--", vec![]),
        (0x0010, 0x1010, "--", vec![]),
        (0x0010, 0x0040, "--", vec![]),
        (0x0028, 0x0301, "--", vec![]),
    ]);
    let set = read(&made(&bytes, &answer, &identity(&model), &settings)[0]);
    assert_eq!(text(&set, tags::LOSSY_IMAGE_COMPRESSION), "01");
    assert_eq!(text(&set, tags::LOSSY_IMAGE_COMPRESSION_RATIO), "8.5");
    assert_eq!(text(&set, tags::PATIENT_ORIENTATION), "");
    assert!(set.get(tags::PATIENT_AGE).is_none() && set.get(tags::BURNED_IN_ANNOTATION).is_none());
    assert!(set.get(tags::PATIENT_SEX).is_some(), "type 2");
}

#[test]
fn uids_follow_from_film_package_and_settings() {
    let folder = tempfile::tempdir().unwrap();
    let (model, bytes) = (model(folder.path()), film(&[]));
    let package = identity(&model);
    let settings = everything();
    let answer = answered(&model, &bytes, &settings);
    let uids = |objects: &[Object]| -> BTreeSet<String> {
        objects
            .iter()
            .map(|object| object.sop_instance_uid.clone())
            .collect()
    };
    let first = made(&bytes, &answer, &package, &settings);
    assert_eq!(uids(&first).len(), first.len(), "all differ");
    assert_eq!(first, made(&bytes, &answer, &package, &settings), "same bytes");
    assert!(first.iter().all(|object| object.sop_instance_uid.len() <= 44));

    let film_reference = FilmReference::read(&bytes, "film").unwrap();
    let later = Moment::at(SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_000));
    let later = make(&film_reference, &answer, &package, &settings, &later).unwrap();
    assert_eq!(uids(&first), uids(&later), "the time does not matter");
    assert_ne!(first[0].sha256, later[0].sha256);

    let renamed = film(&[(0x0010, 0x0010, "PN", b"Other^Name".to_vec())]);
    let other = ModelIdentity {
        digest: "0".repeat(64),
        ..package.clone()
    };
    let rooted = Settings {
        root: Some("1.2.826.0.1.3680043.9999".to_owned()),
        ..everything()
    };
    for (what, changed) in [
        ("film", made(&renamed, &answer, &package, &settings)),
        ("package", made(&bytes, &answer, &other, &settings)),
        (
            "settings",
            made(
                &bytes,
                &answer,
                &package,
                &Settings {
                    station: "b".to_owned(),
                    ..everything()
                },
            ),
        ),
        ("root", made(&bytes, &answer, &package, &rooted)),
    ] {
        assert!(uids(&first).is_disjoint(&uids(&changed)), "{what}");
    }
    let root = made(&bytes, &answer, &package, &rooted);
    assert!(
        root.iter()
            .all(|object| object.sop_instance_uid.starts_with("1.2.826.0.1.3680043.9999."))
    );
    for bad in ["1.2.", "a", "1.2.826.0.1.3680043.99999"] {
        let settings = Settings {
            root: Some(bad.to_owned()),
            ..everything()
        };
        let error = make(&film_reference, &answer, &package, &settings, &moment()).unwrap_err();
        assert!(matches!(error, Error::Settings { setting: "root", .. }), "{bad}");
    }
}

#[test]
fn a_report_names_the_one_that_it_replaces() {
    let folder = tempfile::tempdir().unwrap();
    let (model, bytes) = (model(folder.path()), film(&[]));
    let answer = answered(&model, &bytes, &Settings::default());
    let before = Predecessor {
        study: "1.2.3".to_owned(),
        series: "1.2.4".to_owned(),
        instance: "1.2.5".to_owned(),
    };
    let film = FilmReference::read(&bytes, "film").unwrap();
    let moment = moment().replacing(before);
    let objects = make(&film, &answer, &identity(&model), &Settings::default(), &moment).unwrap();
    let study = &items(&report(&objects), tags::PREDECESSOR_DOCUMENTS_SEQUENCE)[0];
    let series = &items(study, tags::REFERENCED_SERIES_SEQUENCE)[0];
    let instance = &items(series, tags::REFERENCED_SOP_SEQUENCE)[0];
    assert_eq!(text(instance, tags::REFERENCED_SOP_INSTANCE_UID), "1.2.5");
}

/// An object with a change, as bytes; dicom-object writes it.
fn changed(object: &Object, change: impl FnOnce(&mut Set)) -> Vec<u8> {
    let mut file = OpenFileOptions::new()
        .from_reader(Cursor::new(&object.bytes))
        .unwrap();
    change(&mut file);
    let mut bytes = Vec::new();
    file.write_all(&mut bytes).unwrap();
    bytes
}

#[test]
fn planted_faults_are_found() {
    use Kind::{ParametricMap, PresentationState, Report, SecondaryCapture};
    let folder = tempfile::tempdir().unwrap();
    let (model, bytes) = (model(folder.path()), film(&[]));
    let settings = everything();
    let answer = answered(&model, &bytes, &settings);
    let objects = made(&bytes, &answer, &identity(&model), &settings);
    let of = |kind| objects.iter().find(|object| object.kind == kind).unwrap();
    for object in &objects {
        check(&changed(object, |_| ())).unwrap();
    }
    let fault = |kind, change: &dyn Fn(&mut Set)| {
        let bytes = changed(of(kind), |set| change(set));
        check(&bytes).map_or_else(|fault| fault.to_string(), |()| String::new())
    };
    let sequence = |set: &mut Set, tag: Tag, change: &dyn Fn(&mut Set)| {
        let mut all = items(set, tag);
        change(&mut all[0]);
        set.put(dicom_core::DataElement::new(
            tag,
            VR::SQ,
            dicom_core::value::DataSetSequence::from(all),
        ));
    };
    // The table of §2.8, and attributes taken away.
    for (kind, tag) in [
        (Report, tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE),
        (Report, tags::PATIENT_ID),
        (SecondaryCapture, tags::CONVERSION_TYPE),
        (ParametricMap, tags::FRAME_OF_REFERENCE_UID),
        (PresentationState, tags::PRESENTATION_LUT_SHAPE),
    ] {
        let said = fault(kind, &|set| assert!(set.remove_element(tag)));
        assert!(said.contains("is missing"), "{said}");
    }
    let said = fault(Report, &|set| {
        sequence(
            set,
            tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE,
            &|study| {
                let mut series = items(study, tags::REFERENCED_SERIES_SEQUENCE);
                series.truncate(1);
                study.put(dicom_core::DataElement::new(
                    tags::REFERENCED_SERIES_SEQUENCE,
                    VR::SQ,
                    dicom_core::value::DataSetSequence::from(series),
                ));
            },
        );
    });
    assert!(said.contains("expected the same"), "{said}");
    let said = fault(Report, &|set| {
        sequence(set, tags::CONTENT_SEQUENCE, &|first| {
            first.put_str(tags::RELATIONSHIP_TYPE, VR::CS, "CONTAINS");
        });
    });
    assert!(
        said.contains("expected the relationship HAS CONCEPT MOD"),
        "{said}"
    );
    let said = fault(PresentationState, &|set| {
        sequence(set, tags::GRAPHIC_ANNOTATION_SEQUENCE, &|annotation| {
            annotation.put_str(tags::GRAPHIC_LAYER, VR::CS, "NONE");
        });
    });
    assert!(said.contains("is not a layer"), "{said}");
    let graphic = |change: &dyn Fn(&mut Set)| {
        fault(PresentationState, &|set| {
            sequence(set, tags::GRAPHIC_ANNOTATION_SEQUENCE, &|annotation| {
                sequence(annotation, tags::GRAPHIC_OBJECT_SEQUENCE, change);
            });
        })
    };
    let said = graphic(&|one| {
        one.put(dicom_core::DataElement::new(
            tags::NUMBER_OF_GRAPHIC_POINTS,
            VR::US,
            dicom_core::PrimitiveValue::from(3_u16),
        ));
    });
    assert!(said.contains("numbers, expected 6"), "{said}");
    let said = graphic(&|one| {
        one.put_str(tags::GRAPHIC_TYPE, VR::CS, "POLYGON");
    });
    assert!(said.contains("expected POLYLINE"), "{said}");
    for (kind, tag, vr) in [
        (ParametricMap, tags::FLOAT_PIXEL_DATA, VR::OF),
        (SecondaryCapture, tags::PIXEL_DATA, VR::OB),
    ] {
        let said = fault(kind, &|set| {
            let mut short = set.get(tag).unwrap().to_bytes().unwrap().into_owned();
            short.truncate(short.len() - 4);
            let floats = short
                .chunks_exact(4)
                .map(|f| f32::from_le_bytes([f[0], f[1], f[2], f[3]]));
            let value = match vr {
                VR::OF => dicom_core::PrimitiveValue::F32(floats.collect()),
                _ => dicom_core::PrimitiveValue::U8(short.clone().into()),
            };
            set.put(dicom_core::DataElement::new(tag, vr, value));
        });
        assert!(said.contains("bytes, expected"), "{said}");
    }
    let said = fault(SecondaryCapture, &|set| {
        set.put_str(tags::SERIES_DESCRIPTION, VR::LO, "x".repeat(65));
    });
    assert!(said.contains("at most 64"), "{said}");
    assert!(check(&objects[0].bytes[..600]).is_err());
    assert!(check(b"").is_err());
}

#[test]
fn films_without_identity_are_refused_and_nothing_tells_the_patient() {
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    let error = FilmReference::read(png, "a.png").unwrap_err().to_string();
    assert!(
        error.contains("a PNG file") && error.contains("need a DICOM film"),
        "{error}"
    );
    for (group, element) in [
        (0x0008, 0x0018),
        (0x0020, 0x000d),
        (0x0020, 0x000e),
        (0x0008, 0x0016),
    ] {
        let bytes = film(&[(group, element, "--", vec![])]);
        let error = FilmReference::read(&bytes, "film").unwrap_err().to_string();
        assert!(error.contains("is missing"), "{error}");
        let bytes = film(&[(group, element, "UI", b"M\xfcller".to_vec())]);
        let error = FilmReference::read(&bytes, "film").unwrap_err().to_string();
        assert!(!error.contains("ller"), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let (model, bytes) = (model(folder.path()), film(&[]));
    let film_reference = FilmReference::read(&bytes, "film").unwrap();
    let answer = answered(&model, &bytes, &Settings::default());
    let objects = made(&bytes, &answer, &identity(&model), &Settings::default());
    let shown = format!("{film_reference:?} {objects:?}");
    for private in ["ller", "PH0001", "19600102", "A00001"] {
        assert!(!shown.contains(private), "{shown}");
    }
    let colour = film(&[(0x0028, 0x0004, "CS", b"RGB".to_vec())]);
    let settings = everything();
    let film_reference = FilmReference::read(&colour, "film").unwrap();
    let error = make(&film_reference, &answer, &identity(&model), &settings, &moment()).unwrap_err();
    assert!(matches!(error, Error::Presentation { .. }));
}

#[test]
fn hostile_headers_are_read_or_refused_and_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let model = model(folder.path());
    let bytes = film(&[]);
    let answer = answered(&model, &bytes, &Settings::default());
    let package = identity(&model);
    // Every byte of the header, changed in a fixed way; the pixels begin after it.
    let header = bytes.len() - 2 * 128 * 160;
    for place in 132..header {
        for change in [0x01, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[place] ^= change;
            let Ok(film) = FilmReference::read(&damaged, "film") else {
                continue;
            };
            if let Err(error) = make(&film, &answer, &package, &Settings::default(), &moment()) {
                panic!("byte {place} ^ {change:#x}: {error}");
            }
        }
    }
}
