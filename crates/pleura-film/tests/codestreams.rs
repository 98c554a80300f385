//! JPEG 2000 and JPEG-LS frames of other encoders (`codestreams/make.py`), damaged ones, and the list of transfer
//! syntaxes.

#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use pleura_core::sha256;
use pleura_film::{DecodeOptions, Error, Film, Step, Voi, WindowFunction, decode, transfer_syntaxes};
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
        for _ in 0..400 {
            let mut damaged = bytes.clone();
            for _ in 0..=random.below(4) {
                let at = start + random.below(damaged.len() - start);
                damaged[at] = random.below(256) as u8;
            }
            if random.below(8) == 0 {
                damaged.truncate(start + random.below(damaged.len() - start));
            }
            let begin = Instant::now();
            match decode(&damaged, &name, &options) {
                Ok(film) => assert_eq!((film.width, film.height), (48, 40), "{name}"),
                // `decode` turns a panic into this error.
                Err(error) => assert!(!matches!(error, Error::DecoderFault { .. }), "{error}"),
            }
            // A few milliseconds are usual; a busy machine may pause a test for seconds.
            assert!(
                begin.elapsed() < Duration::from_secs(5),
                "{name}: {:?}",
                begin.elapsed()
            );
        }
    }
}

/// The first item of pixel data, and their end.
const ITEM: [u8; 4] = [0xfe, 0xff, 0x00, 0xe0];
const END: [u8; 8] = [0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0];

fn find(bytes: &[u8], wanted: &[u8]) -> usize {
    let found = bytes.windows(wanted.len()).position(|part| part == wanted);
    found.unwrap()
}

/// The frame of a file that has one fragment, without its padding.
fn frame(file: &[u8]) -> Vec<u8> {
    let table = find(file, &ITEM);
    let skip = u32::from_le_bytes(file[table + 4..table + 8].try_into().unwrap()) as usize;
    let item = table + 8 + skip;
    let length = u32::from_le_bytes(file[item + 4..item + 8].try_into().unwrap()) as usize;
    let frame = &file[item + 8..item + 8 + length];
    frame.strip_suffix(&[0]).unwrap_or(frame).to_vec()
}

/// The file with another frame.
fn with_frame(file: &[u8], frame: &[u8]) -> Vec<u8> {
    let mut padded = frame.to_vec();
    padded.resize(frame.len().next_multiple_of(2), 0);
    let length = (padded.len() as u32).to_le_bytes();
    [
        &file[..find(file, &ITEM)],
        &ITEM,
        &[0; 4],
        &ITEM,
        &length,
        &padded,
        &END,
    ]
    .concat()
}

#[test]
fn a_frame_that_was_cut_short_is_an_error_that_says_where() {
    let files = files();
    for name in [
        "precision12",
        "restarts12",
        "openjpeg12",
        "gdcm16_j2k_tiles",
        "openjpeg12_jp2",
    ] {
        let file = &files[name];
        let whole = frame(file);
        let film = decode(file, name, &options(false)).unwrap();
        for length in (4..whole.len()).step_by(2) {
            match decode(&with_frame(file, &whole[..length]), name, &options(false)) {
                Err(error) => {
                    let named = matches!(error, Error::Truncated { .. })
                        && error.to_string().contains("codestream ends");
                    // The head of a JP2 file ends before the codestream begins.
                    assert!(
                        named || name.ends_with("jp2") && length < 100,
                        "{name} cut to {length}: {error}"
                    );
                }
                // Only the marker of the end is missing.
                Ok(cut) => assert!(
                    cut.grey == film.grey && length + 4 > whole.len(),
                    "{name} cut to {length} of {}",
                    whole.len()
                ),
            }
        }
    }
}

#[test]
fn a_codestream_of_unknown_length_or_without_its_last_marker_is_read() {
    let file = &files()["openjpeg12"];
    let film = decode(file, "film.dcm", &options(false)).unwrap();
    let mut open = frame(file);
    let start = find(&open, &[0xff, 0x90, 0x00, 0x0a]);
    // Psot 0: up to the end.
    open[start + 6..start + 10].fill(0);
    let read = decode(&with_frame(file, &open), "film.dcm", &options(false)).unwrap();
    assert_eq!(read.grey, film.grey);
    let mut cut = frame(file);
    cut.truncate(cut.len() - 2);
    let read = decode(&with_frame(file, &cut), "film.dcm", &options(false)).unwrap();
    assert_eq!(read.grey, film.grey);
    assert!(read.source.steps.contains(&Step::EndMissing));
    // Without both, nothing says that it is whole.
    open.truncate(open.len() - 2);
    let error = decode(&with_frame(file, &open), "film.dcm", &options(false)).unwrap_err();
    assert!(matches!(error, Error::Truncated { .. }), "{error}");
}

/// A file of `openjpeg12` whose data set and SIZ say 11,000 × 11,000 pixels.
fn large(change: &dyn Fn(&mut Vec<u8>)) -> Vec<u8> {
    let file = &files()["openjpeg12"];
    let mut large = file.clone();
    for tag in [
        [0x28, 0, 0x10, 0, b'U', b'S', 2, 0],
        [0x28, 0, 0x11, 0, b'U', b'S', 2, 0],
    ] {
        let at = find(&large, &tag) + 8;
        large[at..at + 2].copy_from_slice(&11_000_u16.to_le_bytes());
    }
    let mut stream = frame(file);
    for at in [8, 12, 24, 28] {
        stream[at..at + 4].copy_from_slice(&11_000_u32.to_be_bytes());
    }
    change(&mut stream);
    with_frame(&large, &stream)
}

#[test]
fn a_large_image_in_few_bytes_is_refused_before_it_costs_anything() {
    let begin = Instant::now();
    let error = decode(&large(&|_| ()), "film.dcm", &options(false)).unwrap_err();
    assert!(matches!(error, Error::Implausible { .. }), "{error}");
    // The same with enough bytes, and blocks of 4 × 4 samples: 7.5 million.
    let error = decode(
        &large(&|stream| {
            let style = find(stream, &[0xff, 0x52, 0x00, 0x0c]);
            stream[style + 10..style + 12].fill(0);
            stream.resize(200_000, 0);
        }),
        "film.dcm",
        &options(false),
    )
    .unwrap_err();
    assert!(error.to_string().contains("precincts and code-blocks"), "{error}");
    assert!(begin.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_colour_transform_outside_the_standard_is_refused() {
    let file = &files()["charls8_rgb"];
    let mut stream = frame(file);
    let transform = |number: u8| [0xff, 0xe8, 0x00, 0x07, b'm', b'r', b'f', b'x', number];
    stream.splice(2..2, transform(1));
    let error = decode(&with_frame(file, &stream), "film.dcm", &options(true)).unwrap_err();
    assert!(error.to_string().contains("colour transform"), "{error}");
    stream[10] = 0;
    let film = decode(&with_frame(file, &stream), "film.dcm", &options(true)).unwrap();
    assert_eq!(film.grey, decode(file, "film.dcm", &options(true)).unwrap().grey);
}

#[test]
fn what_does_not_fit_is_named() {
    let files = files();
    let error = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = files[name].clone();
        change(&mut bytes);
        decode(&bytes, "film.dcm", &options(false)).unwrap_err()
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
            format!(
                "| `{}` | {} | {kind} | {} |",
                syntax.uid, syntax.name, syntax.decoder
            )
        })
        .collect();
    assert_eq!(listed, known);
}
