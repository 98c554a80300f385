//! Every golden film decodes to what Pillow, pydicom, DCMTK, tifffile and imagecodecs say (make.py below
//! tests/golden).
#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may fail like the test itself"
)]

use std::path::{Path, PathBuf};

use pleura_film::{
    DecodeOptions, Equalisation, Film, Fit, Polarity, Preparation, Voi, decode, open, open_prepared,
    pixel_digest, prepare,
};
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn expected() -> Value {
    let read = |name: &str| -> Value {
        serde_json::from_str(&std::fs::read_to_string(folder().join(name)).unwrap()).unwrap()
    };
    let (mut expected, pictures) = (read("expected.json"), read("pictures/expected.json"));
    for (name, facts) in pictures["files"].as_object().unwrap() {
        expected["files"][format!("pictures/{name}")] = facts.clone();
    }
    expected
}

fn levels(hexadecimal: &Value) -> Vec<u16> {
    let text = hexadecimal.as_str().unwrap();
    (0..text.len() / 4)
        .map(|at| {
            u16::from_str_radix(&text[4 * at..4 * at + 4], 16)
                .unwrap()
                .swap_bytes()
        })
        .collect()
}

fn options(facts: &Value) -> DecodeOptions {
    let mut options = DecodeOptions::default();
    if let Some(index) = facts["voi"]["window"].as_u64() {
        options = options.with_voi(Voi::Window(index as usize));
    }
    if let Some(index) = facts["voi"]["lut"].as_u64() {
        options = options.with_voi(Voi::Lut(index as usize));
    }
    if facts["polarity"] == "monochrome2" {
        options = options.with_polarity(Polarity::Monochrome2);
    }
    options
}

/// What is wrong with a film, or nothing.
fn compare(film: &Film, facts: &Value) -> Result<(), String> {
    let number = |key: &str| facts[key].as_f64().unwrap();
    let check = |what: &str, found: String, right: String| {
        if found == right {
            Ok(())
        } else {
            Err(format!("{what} is {found}, expected {right}"))
        }
    };
    check("width", film.width.to_string(), number("width").to_string())?;
    check("height", film.height.to_string(), number("height").to_string())?;
    check(
        "bit depth",
        film.source.bit_depth.to_string(),
        number("bit_depth").to_string(),
    )?;
    let json = serde_json::to_value(&film.source).unwrap();
    check("format", json["format"].to_string(), facts["format"].to_string())?;
    check("colour", json["colour"].to_string(), facts["colour"].to_string())?;
    let steps: Vec<Value> = json["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["step"].clone())
        .collect();
    check(
        "steps",
        Value::from(steps).to_string(),
        facts["steps"].to_string(),
    )?;
    if let Some(right) = facts["colourfulness"].as_f64() {
        let found = f64::from(film.source.colourfulness());
        if (found - right).abs() > 1e-4 {
            return Err(format!("colourfulness is {found}, expected {right}"));
        }
    }
    let tolerance = number("tolerance");
    let right = levels(&facts["grey"]);
    if right.len() != film.grey.len() {
        return Err(format!(
            "{} grey levels, expected {}",
            film.grey.len(),
            right.len()
        ));
    }
    let worst = film
        .grey
        .iter()
        .zip(&right)
        .map(|(&found, &right)| (f64::from(found) * 65535.0 - f64::from(right)).abs())
        .fold(0.0, f64::max);
    if worst > tolerance {
        return Err(format!(
            "grey levels are off by {worst} of 65535, allowed are {tolerance}"
        ));
    }
    Ok(())
}

#[test]
fn every_golden_film_decodes_as_the_others_say() {
    let expected = expected();
    let files = expected["files"].as_object().unwrap();
    assert!(files.len() > 100);
    let mut faults = Vec::new();
    for (name, facts) in files {
        let path = folder().join(name);
        match (open(&path, &options(facts)), facts["error"].as_array()) {
            (Ok(film), None) => {
                if let Err(fault) = compare(&film, facts) {
                    faults.push(format!("{name}: {fault}"));
                }
            }
            (Err(error), None) => faults.push(format!("{name}: {error}")),
            (Ok(_), Some(_)) => faults.push(format!("{name}: was decoded, expected an error")),
            (Err(error), Some(words)) => {
                let message = error.to_string();
                for word in words
                    .iter()
                    .map(|word| word.as_str().unwrap())
                    .chain([name.as_str()])
                {
                    if !message.contains(word) {
                        faults.push(format!("{name}: {message:?} does not say {word:?}"));
                    }
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Enlarged, shrunk, cut: the short way gives the bits of the long one.
#[test]
fn preparing_without_the_film_gives_the_same_bits() {
    let preparations = [
        (224, Fit::Stretch, None),
        (17, Fit::Pad, Some(Equalisation::Histogram)),
        (9, Fit::Crop, None),
    ];
    for (name, facts) in expected()["files"].as_object().unwrap() {
        let path = folder().join(name);
        let Ok(film) = open(&path, &options(facts)) else {
            continue;
        };
        for (size, fit, equalise) in preparations {
            let preparation = Preparation {
                size,
                fit,
                equalise,
                lungs: None,
            };
            let (source, prepared) = open_prepared(&path, &options(facts), &preparation).unwrap();
            assert_eq!(prepared, prepare(&film, &preparation), "{name}");
            assert_eq!(source, film.source, "{name}");
        }
    }
}

#[test]
fn equal_pixels_have_equal_digests_in_different_files() {
    let digest = |name: &str| pixel_digest(&open(&folder().join(name), &DecodeOptions::default()).unwrap());
    let native = digest("dx12.dcm");
    for same in [
        "implicit12.dcm",
        "big_endian12.dcm",
        "deflated12.dcm",
        "jpegll_sv4.dcm",
        "bare_implicit.dcm",
    ] {
        assert_eq!(digest(same), native, "{same}");
    }
    assert_eq!(digest("grey8.png"), digest("grey8_interlaced.png"));
    assert_eq!(digest("grey8.png"), digest("dx8.dcm"));
    assert_ne!(native, digest("dx16.dcm"));
}

#[test]
fn the_format_is_found_by_content() {
    let bytes = std::fs::read(folder().join("grey8.png")).unwrap();
    let film = decode(&bytes, "lies.dcm", &DecodeOptions::default()).unwrap();
    assert_eq!(film.source.format, pleura_film::Format::Png);
}

#[test]
fn tags_of_a_dicom_film_are_read() {
    let film = open(&folder().join("dx12.dcm"), &DecodeOptions::default()).unwrap();
    let tags = film.source.dicom.unwrap();
    assert_eq!(tags.patient.as_deref(), Some("P-007"));
    assert_eq!(tags.sop_instance.as_deref(), Some("1.2.826.0.1.3680043.10.1.1"));
    assert_eq!(
        (tags.view.as_deref(), tags.sex.as_deref()),
        (Some("PA"), Some("F"))
    );
    assert_eq!(tags.age_years, Some(58.0));
    assert_eq!(tags.pixel_spacing, Some([0.143, 0.143]));
    assert_eq!(tags.part(), pleura_film::BodyPart::Chest);
    assert!(!format!("{tags:?}").contains("Anna"));
}

#[test]
fn choices_that_the_file_does_not_have_are_refused() {
    let path = folder().join("window_linear.dcm");
    let message = |options: DecodeOptions| open(&path, &options).unwrap_err().to_string();
    let options = DecodeOptions::default;
    assert!(message(options().with_voi(Voi::Window(1))).contains("window 1 was requested, the file has 1"));
    assert!(message(options().with_voi(Voi::Lut(0))).contains("VOI LUT 0 was requested, the file has 0"));
    assert!(message(options().with_min_side(64)).contains("37×26"));
    assert!(message(options().with_max_pixels(900)).contains("37×26 pixels, the limit is 900"));
    assert!(message(options().with_max_file_bytes(100)).contains("the limit is 100"));
}

#[test]
fn options_change_what_they_say() {
    let open = |name: &str, options: DecodeOptions| open(&folder().join(name), &options).unwrap();
    let options = DecodeOptions::default;
    let plain = open("dx12.dcm", options());
    let inverted = open("dx12.dcm", options().with_polarity(Polarity::Monochrome1));
    for (one, other) in plain.grey.iter().zip(&inverted.grey) {
        assert!((one + other - 1.0).abs() < 1e-6);
    }
    let windowed = open("window_linear.dcm", options());
    let spread = open("window_linear.dcm", options().with_voi(Voi::MinMax));
    assert_eq!(spread.grey, plain.grey);
    assert_ne!(windowed.grey, plain.grey);
    let function = pleura_film::WindowFunction::Linear;
    let given = open(
        "dx12.dcm",
        options().with_voi(Voi::Given {
            center: 1800.5,
            width: 1500.0,
            function,
        }),
    );
    assert_eq!(given.grey, windowed.grey);
    assert_eq!(open("ct.dcm", options().with_any_modality(true)).grey, plain.grey);
}

#[test]
fn steps_can_be_read_aloud_and_survive_json() {
    let film = open(
        &folder().join("rescale_window_monochrome1.dcm"),
        &DecodeOptions::default(),
    )
    .unwrap();
    let spoken: Vec<String> = film.source.steps.iter().map(ToString::to_string).collect();
    assert_eq!(
        spoken,
        [
            "took 12 signed bits, highest 11, out of 16",
            "rescaled by slope 2.5 and intercept -100",
            "applied window 0: LINEAR -200/3000",
            "exchanged black and white: photometric interpretation MONOCHROME1",
        ]
    );
    let text = serde_json::to_string(&film.source).unwrap();
    assert_eq!(
        serde_json::from_str::<pleura_film::Source>(&text).unwrap(),
        film.source
    );
}

/// The greatest difference seen is one level of 65,535, from rounding.
#[test]
fn resizing_is_pillows_bilinear_to_one_level() {
    let expected = expected();
    for case in expected["resize"].as_array().unwrap() {
        let side = |key: &str| case[key].as_u64().unwrap() as usize;
        let (width, height, size) = (side("width"), side("height"), side("size"));
        let grey = (0..width * height)
            .map(|at| {
                let (x, y) = (at % width, at / width);
                ((x * 7919 + y * 104_729 + x * y * 31) % 1000) as f32 / 999.0
            })
            .collect();
        let fit = if case["fit"] == "crop" {
            Fit::Crop
        } else {
            Fit::Stretch
        };
        let film = Film::from_grey(width, height, grey).unwrap();
        let prepared = prepare(
            &film,
            &Preparation {
                size,
                fit,
                equalise: None,
                lungs: None,
            },
        );
        let right = levels(&case["grey"]);
        let worst = prepared
            .grey
            .iter()
            .zip(&right)
            .map(|(&found, &right)| found.abs_diff(right))
            .max();
        assert!(
            worst <= Some(1),
            "{width}×{height} to {size} ({fit:?}): off by {worst:?}"
        );
    }
}
