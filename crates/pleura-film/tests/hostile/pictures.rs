//! Broken and forged TIFF, BMP and WebP files.

use std::path::Path;
use std::time::{Duration, Instant};

use pleura_film::{DecodeOptions, Error, decode};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{measured, refused};

fn pictures() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/pictures");
    let paths = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let films = paths.filter(|path| {
        path.extension()
            .is_some_and(|end| ["tif", "bmp", "webp"].iter().any(|known| end == *known))
    });
    let mut files: Vec<(String, Vec<u8>)> = films
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read(&path).unwrap())
        })
        .collect();
    files.sort();
    assert!(files.len() > 60);
    files
}

#[test]
fn a_picture_cut_anywhere_is_an_error_or_whole() {
    for (name, bytes) in pictures() {
        let whole = decode(&bytes, "film", &DecodeOptions::default()).ok();
        for length in 0..bytes.len() {
            let (film, largest) = measured(&bytes[..length]);
            let message = format!("{name} cut to {length} of {} bytes", bytes.len());
            assert!(largest < 1 << 20, "{message}: {largest}");
            match (film, &whole) {
                // Padding, a checksum and remarks behind the image.
                (Ok(film), Some(whole)) => {
                    let remarks = ["orientation6.webp", "animation.webp"].contains(&name.as_str());
                    assert!(
                        remarks || film.grey == whole.grey && length + 24 > bytes.len(),
                        "{message}"
                    );
                }
                (Ok(_), None) => panic!("{message} is read, and whole it is not"),
                (Err(Error::DecoderFault { detail, .. }), _) => panic!("{message}: {detail}"),
                (Err(_), _) => {}
            }
        }
    }
}

/// 3,000 mutants of every picture: bytes set, counted up, and cut, mostly in the first 300 bytes.
#[test]
fn mutants_give_a_film_or_an_error_within_their_time_and_memory() {
    let options = DecodeOptions::default().with_max_pixels(1 << 18);
    for (name, bytes) in pictures() {
        let mut random = ChaCha8Rng::seed_from_u64(bytes.len() as u64);
        for mutant in 0..3000 {
            let mut bytes = bytes.clone();
            for _ in 0..random.random_range(1..6) {
                let end = if random.random_range(0..4) > 0 {
                    300
                } else {
                    bytes.len()
                };
                let at = random.random_range(0..end.min(bytes.len()));
                bytes[at] = match random.random_range(0..4) {
                    0 => bytes[at].wrapping_add(1),
                    1 => [0, 1, 2, 0x7f, 0x80, 0xff][random.random_range(0..6)],
                    _ => random.next_u32() as u8,
                };
            }
            if random.random_range(0..8) == 0 {
                bytes.truncate(random.random_range(0..bytes.len()));
            }
            let start = Instant::now();
            super::LARGEST.with(|largest| largest.set(0));
            let film = decode(&bytes, "film", &options);
            let largest = super::LARGEST.with(std::cell::Cell::get);
            assert!(largest < 16 << 20, "{name}, mutant {mutant}: {largest} bytes");
            assert!(
                start.elapsed() < Duration::from_secs(2),
                "{name}, mutant {mutant}"
            );
            match film {
                Ok(film) => {
                    assert_eq!(film.grey.len(), film.width * film.height);
                    let inside = film.grey.iter().all(|grey| (0.0..=1.0).contains(grey));
                    assert!(inside, "{name}, mutant {mutant}");
                }
                Err(Error::DecoderFault { detail, .. }) => panic!("{name}, mutant {mutant}: {detail}"),
                Err(error) => assert!(error.to_string().len() < 2000, "{error}"),
            }
        }
    }
}

/// A little-endian TIFF file: fields of tag and LONG values, and data behind them.
fn tiff(fields: &[(u16, Vec<u32>)], data: &[u8]) -> Vec<u8> {
    let mut bytes = b"II*\0\x08\0\0\0".to_vec();
    let mut arrays = Vec::new();
    let behind = 8 + 2 + 12 * fields.len() + 4;
    bytes.extend((fields.len() as u16).to_le_bytes());
    for (tag, values) in fields {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(4_u16.to_le_bytes());
        bytes.extend((values.len() as u32).to_le_bytes());
        if let [value] = values[..] {
            bytes.extend(value.to_le_bytes());
        } else {
            bytes.extend(((behind + data.len() + arrays.len()) as u32).to_le_bytes());
            arrays.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(data);
    bytes.extend(arrays);
    bytes
}

/// Fields of a grey film of 8 bits, in the order of their tags.
fn grey(side: u32, compression: u32, more: &[(u16, Vec<u32>)]) -> Vec<(u16, Vec<u32>)> {
    let mut fields = vec![
        (256, vec![side]),
        (257, vec![side]),
        (258, vec![8]),
        (259, vec![compression]),
        (262, vec![1]),
    ];
    fields.extend_from_slice(more);
    fields
}

#[test]
fn tiff_headers_are_not_believed() {
    let strip = [(273, vec![8]), (279, vec![8])];
    for (side, compression) in [
        (0, 1),
        (8000, 1),
        (8000, 5),
        (8000, 8),
        (8000, 32773),
        (u32::MAX, 8),
    ] {
        let error = refused(&tiff(&grey(side, compression, &strip), &[0; 64]));
        let right = match side {
            0 => matches!(error, Error::TooSmall { .. }),
            8000 => matches!(error, Error::Implausible { .. } | Error::Truncated { .. }),
            _ => matches!(error, Error::TooManyPixels { .. }),
        };
        assert!(right, "{side} {compression}: {error}");
    }
    // A tile of a thousand million pixels for four.
    let tile = [
        (322, vec![1 << 15]),
        (323, vec![1 << 15]),
        (324, vec![8]),
        (325, vec![8]),
    ];
    let error = refused(&tiff(&grey(2, 8, &tile), &[0; 64])).to_string();
    assert!(error.contains("tiles of 32768×32768"), "{error}");
    let tile = [
        (322, vec![8192]),
        (323, vec![8192]),
        (324, vec![8]),
        (325, vec![8]),
    ];
    let error = refused(&tiff(&grey(2, 8, &tile), &[0; 64]));
    assert!(matches!(error, Error::Implausible { .. }), "{error}");
    // More values than the file has bytes.
    let mut bytes = tiff(&grey(4, 1, &strip), &[0; 64]);
    let field = bytes.windows(2).position(|tag| tag == [0x11, 1]).unwrap();
    bytes[field + 4..field + 8].copy_from_slice(&0x4000_0001_u32.to_le_bytes());
    let error = refused(&bytes);
    assert!(matches!(error, Error::Truncated { .. }), "{error}");
}

/// A thousand strips that are all the same 60 kB of empty deflate blocks would take minutes.
#[test]
fn tiff_strips_that_overlap_are_refused() {
    let mut data = vec![0x78, 0x9c];
    data.extend([0, 0, 0, 0xff, 0xff].repeat(12_000));
    let start = 8 + 2 + 12 * 8 + 4;
    let strips = [
        (273, vec![start; 1000]),
        (278, vec![1]),
        (279, vec![data.len() as u32; 1000]),
    ];
    let error = refused(&tiff(&grey(1000, 8, &strips), &data)).to_string();
    assert!(error.contains("overlap"), "{error}");
}

#[test]
fn tiff_directories_in_a_circle_end() {
    let strip = [(273, vec![8]), (279, vec![16])];
    let mut bytes = tiff(&grey(4, 1, &strip), &[7; 16]);
    // The next directory is the first.
    let next = 8 + 2 + 12 * 7;
    bytes[next..next + 4].copy_from_slice(&8_u32.to_le_bytes());
    assert!(decode(&bytes, "film", &DecodeOptions::default()).is_ok());
    let no_end: Vec<u8> = b"II*\0\x08\0\0\0"
        .iter()
        .copied()
        .chain((0..4000_u32).flat_map(|page| {
            let next = 8 + 6 * (page + 1);
            [&[0, 0][..], &next.to_le_bytes()].concat()
        }))
        .collect();
    let error = refused(&no_end).to_string();
    assert!(error.contains("256 pages"), "{error}");
}

/// An animation in an animation in an animation: the stack must not grow with the file.
#[test]
fn webp_frames_within_frames_are_refused() {
    let mut inner = Vec::new();
    for _ in 0..3000 {
        let length = (inner.len() + 16) as u32;
        inner = [b"ANMF", &length.to_le_bytes()[..], &[0; 16], &inner].concat();
    }
    let file = [b"RIFF", &(inner.len() as u32).to_le_bytes()[..], b"WEBP", &inner].concat();
    let error = refused(&file).to_string();
    assert!(error.contains("before the image"), "{error}");
}

#[test]
fn bmp_headers_are_not_believed() {
    let header = |width: i32, height: i32, bits: u16| {
        let mut bytes = b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
        bytes.extend(width.to_le_bytes());
        bytes.extend(height.to_le_bytes());
        bytes.extend([1, 0]);
        bytes.extend(bits.to_le_bytes());
        bytes.resize(54 + 64, 0);
        bytes
    };
    assert!(matches!(
        refused(&header(8000, 8000, 24)),
        Error::Truncated { .. }
    ));
    assert!(matches!(
        refused(&header(i32::MAX, i32::MIN, 32)),
        Error::TooManyPixels { .. }
    ));
    assert!(matches!(refused(&header(-4, 4, 24)), Error::TooSmall { .. }));
    assert!(matches!(refused(&header(4, 4, 23)), Error::Malformed { .. }));
    assert!(decode(&header(4, -4, 32), "film", &DecodeOptions::default()).is_ok());
}
