//! JPEG 2000 and JPEG-LS frames of other encoders (`codestreams/make.py`), damaged ones, and the list of transfer
//! syntaxes.

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use pleura_core::sha256;
use pleura_film::{DecodeOptions, Error, Film, Voi, WindowFunction, decode, transfer_syntaxes};
use serde::Deserialize;

#[derive(Deserialize)]
struct Expected {
    digest: String,
    tolerance: i32,
    values: Option<String>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/codestreams")
}

fn files() -> BTreeMap<String, Vec<u8>> {
    std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "dcm"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect()
}

/// A window of 2^17 values about 0: each stored value has a grey level of its own, which `f32` holds exactly.
fn options(colour: bool) -> DecodeOptions {
    if colour {
        return DecodeOptions::default();
    }
    DecodeOptions::default().with_voi(Voi::Given {
        center: 0.0,
        width: 131_072.0,
        function: WindowFunction::LinearExact,
    })
}

fn stored(film: &Film, colour: bool) -> Vec<i32> {
    let value = |grey: f32| {
        if colour {
            (grey * 255.0).round() as i32
        } else {
            (grey * 131_072.0 - 65_536.0).round() as i32
        }
    };
    film.grey.iter().map(|&grey| value(grey)).collect()
}

#[test]
fn frames_of_other_encoders_have_the_values_that_were_encoded() {
    let text = std::fs::read_to_string(folder().join("expected.json")).unwrap();
    let expected: BTreeMap<String, Expected> = serde_json::from_str(&text).unwrap();
    let files = files();
    assert_eq!(
        files.keys().collect::<Vec<_>>(),
        expected.keys().collect::<Vec<_>>()
    );
    for (name, bytes) in files {
        let colour = name.contains("rgb") || name.contains("rct");
        let film = decode(&bytes, &name, &options(colour)).unwrap();
        assert_eq!((film.width, film.height), (48, 40), "{name}");
        let values = stored(&film, colour);
        let expected = &expected[&name];
        if let Some(coded) = &expected.values {
            let right = unpacked(coded);
            let worst = values.iter().zip(&right).map(|(a, b)| (a - b).abs()).max();
            assert!(worst.unwrap() <= expected.tolerance, "{name}: {worst:?}");
        } else {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            assert_eq!(sha256::hex(&bytes), expected.digest, "{name}");
        }
    }
}

/// Values from zlib and base64.
fn unpacked(coded: &str) -> Vec<i32> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for digit in coded.bytes().filter(|&byte| byte != b'=') {
        let value = DIGITS.iter().position(|&known| known == digit).unwrap();
        bits = bits << 6 | value as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    let mut plain = Vec::new();
    flate2::read::ZlibDecoder::new(bytes.as_slice())
        .read_to_end(&mut plain)
        .unwrap();
    plain
        .as_chunks()
        .0
        .iter()
        .map(|&four| i32::from_le_bytes(four))
        .collect()
}

/// A generator that needs no crate (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

#[test]
fn damaged_frames_are_errors_or_films_and_never_panics() {
    let mut random = Random(9);
    for (name, bytes) in files() {
        let options = options(name.contains("rgb") || name.contains("rct"));
        // The pixel data are the last element: damage begins where they do.
        let start = bytes.len() * 2 / 5;
        for _ in 0..300 {
            let mut damaged = bytes.clone();
            for _ in 0..=random.below(4) {
                let at = start + random.below(damaged.len() - start);
                damaged[at] = random.below(256) as u8;
            }
            if random.below(8) == 0 {
                damaged.truncate(start + random.below(damaged.len() - start));
            }
            if let Ok(film) = decode(&damaged, &name, &options) {
                assert_eq!((film.width, film.height), (48, 40), "{name}");
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let files = files();
    let error = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = files[name].clone();
        change(&mut bytes);
        decode(&bytes, "film.dcm", &options(false)).unwrap_err()
    };
    let find = |bytes: &[u8], wanted: &[u8]| {
        bytes
            .windows(wanted.len())
            .position(|part| part == wanted)
            .unwrap()
    };
    // 49 columns in SIZ, 41 rows in SOF55.
    let wide = error("openjpeg12", &|bytes| {
        let at = find(bytes, &[0xff, 0x4f, 0xff, 0x51]) + 11;
        bytes[at] = 49;
    });
    assert!(
        wide.to_string()
            .contains("49×40 pixels of 1 components, the data set 48×40 of 1"),
        "{wide}"
    );
    let high = error("charls12", &|bytes| {
        let at = find(bytes, &[0xff, 0xf7, 0x00, 0x0b]) + 6;
        bytes[at] = 41;
    });
    assert!(
        high.to_string()
            .contains("48×41 pixels of 1 components, the data set 48×40 of 1"),
        "{high}"
    );
    let mapped = error("charls12", &|bytes| {
        let at = find(bytes, &[0xff, 0xda, 0x00, 0x08]) + 6;
        bytes[at] = 1;
    });
    assert!(
        matches!(mapped, Error::Unsupported { .. }) && mapped.to_string().contains("dcmdjpls"),
        "{mapped}"
    );
    let cut = error("charls12", &|bytes| {
        // The last third of the coded data becomes an end of image.
        let (from, end) = (bytes.len() - 200, bytes.len() - 10);
        for pair in bytes[from..end].chunks_exact_mut(2) {
            pair.copy_from_slice(&[0xff, 0xd9]);
        }
    });
    assert!(matches!(cut, Error::Truncated { .. }), "{cut}");
}

#[test]
fn the_book_lists_the_syntaxes_that_can_be_decoded() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/film.md");
    let text = std::fs::read_to_string(page).unwrap();
    let listed: Vec<String> = text
        .lines()
        .filter(|line| line.starts_with("| `1.2.840.10008.1.2"))
        .map(str::to_owned)
        .collect();
    let known: Vec<String> = transfer_syntaxes()
        .map(|syntax| {
            let kind = if syntax.lossy { "may be lossy" } else { "lossless" };
            format!("| `{}` | {} | {kind} |", syntax.uid, syntax.name)
        })
        .collect();
    assert_eq!(listed, known);
}
