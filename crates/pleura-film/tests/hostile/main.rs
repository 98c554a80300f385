//! Broken, forged and random input gives an error, never a panic, and asks for little memory.
#![allow(unsafe_code, reason = "an allocator that counts")]
#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may fail like the test itself"
)]

mod pictures;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::Path;

use pleura_film::{DecodeOptions, Error, Film, decode};
use proptest::prelude::*;

/// Counts what the current thread asks for, so that a forged size cannot hide behind lazy pages.
struct Counting;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: the caller's promises about `layout` are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn note(size: usize) {
    // The thread's own storage may be gone while it ends.
    let _ = LARGEST.try_with(|largest| largest.set(largest.get().max(size)));
}

/// Decodes and returns the largest single allocation too.
fn measured(bytes: &[u8]) -> (Result<Film, Error>, usize) {
    LARGEST.with(|largest| largest.set(0));
    let film = decode(bytes, "film", &DecodeOptions::default());
    (film, LARGEST.with(Cell::get))
}

/// An error, found without more than a megabyte at once.
fn refused(bytes: &[u8]) -> Error {
    let (film, largest) = measured(bytes);
    assert!(largest < 1 << 20, "asked for {largest} bytes");
    film.unwrap_err()
}

fn goldens() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|end| end == "png" || end == "jpg" || end == "dcm")
        })
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                std::fs::read(&path).unwrap(),
            )
        })
        .collect();
    files.sort();
    assert!(files.len() > 100);
    files
}

fn golden(name: &str) -> Vec<u8> {
    std::fs::read(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/golden")
            .join(name),
    )
    .unwrap()
}

#[test]
fn a_film_cut_anywhere_is_an_error() {
    for (name, bytes) in goldens() {
        // The last bytes of PNG are the end chunk, of DICOM padding: pixels are whole without them.
        let spare = match name.rsplit('.').next() {
            Some("png") => 16,
            Some("dcm") => 24,
            _ => 0,
        };
        for length in (0..bytes.len() - spare).step_by(7) {
            let (film, largest) = measured(&bytes[..length]);
            // Only the mark at the end may be missing.
            if let Ok(film) = &film {
                let whole = decode(&bytes, "film", &DecodeOptions::default()).unwrap();
                let open = film.source.steps.contains(&pleura_film::Step::EndMissing);
                let message = format!("{name} cut to {length} of {} bytes", bytes.len());
                assert!(
                    open && film.grey == whole.grey && bytes.len() - length < 16,
                    "{message}"
                );
                continue;
            }
            assert!(
                !matches!(film, Err(Error::DecoderFault { .. })),
                "{name} cut to {length}: {film:?}"
            );
            assert!(largest < 1 << 20, "{name} cut to {length}: {largest}");
        }
    }
}

#[test]
fn a_scan_cut_short_and_closed_again_is_refused() {
    for name in [
        "grey.jpg",
        "grey_restarts.jpg",
        "ycbcr444.jpg",
        "ycbcr420.jpg",
        "cmyk.jpg",
        "extended12.jpg",
    ] {
        let bytes = golden(name);
        let scan = bytes.windows(2).rposition(|pair| pair == [0xff, 0xda]).unwrap();
        let first = scan + 2 + usize::from(bytes[scan + 3]);
        for part in [3, 5, 8] {
            let mut cut = bytes[..first + (bytes.len() - first) * part / 10].to_vec();
            while cut.last() == Some(&0xff) {
                cut.pop();
            }
            cut.extend([0xff, 0xd9]);
            let (film, _) = measured(&cut);
            assert!(film.is_err(), "{name} with {part} tenths of its scan");
        }
    }
}

#[test]
fn lossless_samples_fit_the_precision_that_the_header_says() {
    let mut bytes = golden("lossless16.jpg");
    let frame = bytes.windows(2).position(|pair| pair == [0xff, 0xc3]).unwrap();
    bytes[frame + 4] = 12;
    let error = refused(&bytes).to_string();
    assert!(error.contains("12 bits hold at most 4095"), "{error}");
}

#[test]
fn a_png_of_two_to_the_31_on_each_side_is_refused_by_its_header() {
    let mut bytes = golden("grey8.png");
    bytes[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
    let crc = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    assert!(matches!(refused(&bytes), Error::TooManyPixels { .. }));
}

#[test]
fn a_png_with_more_pixels_than_its_bytes_can_hold_is_refused_by_its_header() {
    let mut bytes = golden("grey8.png");
    // 8000 × 8000, below the limit.
    bytes[16..24].copy_from_slice(&[0, 0, 0x1f, 0x40, 0, 0, 0x1f, 0x40]);
    let crc = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    assert!(matches!(refused(&bytes), Error::Implausible { .. }));
}

#[test]
fn a_png_without_width_is_refused() {
    let mut bytes = golden("grey8.png");
    bytes[16..20].fill(0);
    let crc = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    refused(&bytes);
}

#[test]
fn a_png_palette_of_odd_length_is_refused() {
    let chunk = |kind: &[u8; 4], data: &[u8]| {
        let body = [kind.as_slice(), data].concat();
        let length = (data.len() as u32).to_be_bytes();
        [&length[..], &body, &crc32(&body).to_be_bytes()].concat()
    };
    // 37 × 1 pixels of 8 bits with a palette; the image data are not reached.
    let header = chunk(b"IHDR", &[0, 0, 0, 37, 0, 0, 0, 1, 8, 3, 0, 0, 0]);
    let data = chunk(b"IDAT", &[0x78, 0x9c, 3, 0, 0, 0, 0, 1]);
    for (palette, alphas, said) in [
        (7, 0, "a palette of 7 bytes"),
        (0, 0, ""),
        (771, 0, ""),
        (6, 3, "3 alphas for a palette of 2 colours"),
    ] {
        let palette = chunk(b"PLTE", &vec![1; palette]);
        let alphas = if alphas == 0 {
            Vec::new()
        } else {
            chunk(b"tRNS", &vec![9; alphas])
        };
        let bytes = [b"\x89PNG\r\n\x1a\n", &header[..], &palette, &alphas, &data].concat();
        let error = refused(&bytes);
        assert!(!matches!(error, Error::DecoderFault { .. }), "{error}");
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[test]
fn jpeg_headers_are_not_believed() {
    for name in [
        "grey.jpg",
        "ycbcr420.jpg",
        "grey_progressive.jpg",
        "lossless16.jpg",
        "extended12.jpg",
    ] {
        let bytes = golden(name);
        let frame = bytes
            .windows(2)
            .position(|pair| pair[0] == 0xff && (0xc0..=0xc3).contains(&pair[1]))
            .unwrap();
        for (side, huge) in [([0xff_u8, 0xff], true), ([0x1f, 0x40], true), ([0, 0], false)] {
            let mut forged = bytes.clone();
            forged[frame + 5..frame + 7].copy_from_slice(&side);
            forged[frame + 7..frame + 9].copy_from_slice(&side);
            let error = refused(&forged);
            let right = matches!(
                (&error, huge),
                (Error::TooManyPixels { .. } | Error::Implausible { .. }, true)
                    | (Error::TooSmall { .. }, false)
            );
            assert!(right, "{name}: {error}");
        }
    }
}

/// Explicit little endian elements.
fn element(group: u16, number: u16, vr: [u8; 2], value: &[u8]) -> Vec<u8> {
    let mut bytes = [group.to_le_bytes(), number.to_le_bytes()].concat();
    bytes.extend(vr);
    if matches!(&vr, b"OB" | b"OW" | b"SQ" | b"UN") {
        bytes.extend([0, 0]);
        bytes.extend((value.len() as u32).to_le_bytes());
    } else {
        bytes.extend((value.len() as u16).to_le_bytes());
    }
    bytes.extend(value);
    bytes
}

fn dicom(syntax: &str, elements: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![0; 128];
    bytes.extend(b"DICM");
    bytes.extend(element(2, 0x10, *b"UI", syntax.as_bytes()));
    bytes.extend(elements.concat());
    bytes
}

const EXPLICIT: &str = "1.2.840.10008.1.2.1\0";

fn image(rows: u16, columns: u16, pixels: Vec<u8>) -> Vec<Vec<u8>> {
    let word = |number, value: u16| element(0x28, number, *b"US", &value.to_le_bytes());
    vec![
        element(8, 0x60, *b"CS", b"DX"),
        word(2, 1),
        element(0x28, 4, *b"CS", b"MONOCHROME2 "),
        word(0x10, rows),
        word(0x11, columns),
        word(0x100, 16),
        word(0x101, 12),
        word(0x102, 11),
        word(0x103, 0),
        pixels,
    ]
}

#[test]
fn dicom_sizes_are_not_believed() {
    let tiny = element(0x7fe0, 0x10, *b"OW", &[0; 8]);
    assert!(
        decode(
            &dicom(EXPLICIT, &image(2, 2, tiny.clone())),
            "film",
            &DecodeOptions::default()
        )
        .is_ok()
    );
    assert!(matches!(
        refused(&dicom(EXPLICIT, &image(65535, 65535, tiny.clone()))),
        Error::TooManyPixels { .. }
    ));
    assert!(matches!(
        refused(&dicom(EXPLICIT, &image(8000, 8000, tiny.clone()))),
        Error::Truncated { .. }
    ));
    assert!(matches!(
        refused(&dicom(EXPLICIT, &image(0, 2, tiny))),
        Error::TooSmall { .. }
    ));
}

#[test]
fn a_date_of_birth_tells_the_age_where_no_age_stands_and_is_not_kept() {
    let tags = |age: &[u8], acquired: &[u8]| {
        let mut elements = image(2, 2, element(0x7fe0, 0x10, *b"OW", &[0; 8]));
        let people = [
            element(0x10, 0x30, *b"DA", b"20130417"),
            element(0x10, 0x1010, *b"AS", age),
        ];
        elements.splice(1..1, people);
        let dates = [
            element(8, 0x20, *b"DA", b"20200417"),
            element(8, 0x22, *b"DA", acquired),
        ];
        elements.splice(0..0, dates);
        let film = decode(&dicom(EXPLICIT, &elements), "film", &DecodeOptions::default()).unwrap();
        film.source.dicom.unwrap()
    };
    assert_eq!(tags(b"", b"20200416").age_years, Some(6.0));
    assert_eq!(tags(b"", b"").age_years, Some(7.0));
    assert_eq!(tags(b"061Y", b"20200416").age_years, Some(61.0));
    assert_eq!(tags(b"412Y", b"").age_years, Some(7.0));
    let kept = format!("{:?}", tags(b"", b"20200416"));
    assert!(!kept.contains("2013") && !kept.contains("202004"), "{kept}");
}

#[test]
fn text_that_a_converter_wrote_as_unknown_is_text() {
    let mut elements = image(
        2,
        2,
        element(0x7fe0, 0x10, *b"OW", &[0, 0, 0xff, 0x0f, 0, 8, 1, 0]),
    );
    elements[0] = element(8, 0x60, *b"UN", b"DX");
    elements.splice(
        9..9,
        [
            element(0x28, 0x1050, *b"UN", b"2048"),
            element(0x28, 0x1051, *b"UN", b"4096"),
            element(0x2050, 0x20, *b"UN", b"INVERSE "),
        ],
    );
    // Elements are in the order of their tags.
    let pixels = elements
        .iter()
        .position(|element| element.starts_with(&[0xe0, 0x7f]))
        .unwrap();
    let last = elements.remove(pixels);
    elements.push(last);
    let film = decode(&dicom(EXPLICIT, &elements), "film", &DecodeOptions::default()).unwrap();
    assert_eq!(film.source.dicom.unwrap().modality.as_deref(), Some("DX"));
    assert!(
        film.grey[0] > 0.99 && film.grey[1] < 0.01 && (film.grey[2] - 0.5).abs() < 0.01,
        "{:?}",
        film.grey
    );

    let mut elements = image(2, 2, element(0x7fe0, 0x10, *b"OW", &[0; 8]));
    elements[7] = element(0x28, 0x102, *b"US", &[0xff, 0xff]);
    assert!(matches!(
        refused(&dicom(EXPLICIT, &elements)),
        Error::BadTag { .. }
    ));
}

#[test]
fn sequences_of_unknown_kind_and_length_are_passed_over() {
    let tag = |group: u16, number: u16| [group.to_le_bytes(), number.to_le_bytes()].concat();
    let open = [0xff; 4];
    // In implicit VR, whatever the data set is in: an item without a length, in it a value, and a sequence of
    // an item with one.
    let inner = [
        tag(0xfffe, 0xe000),
        vec![12, 0, 0, 0],
        tag(9, 0x10),
        vec![4, 0, 0, 0],
        b"ABCD".to_vec(),
        tag(0xfffe, 0xe0dd),
        vec![0; 4],
    ]
    .concat();
    let items = [
        tag(0xfffe, 0xe000),
        open.to_vec(),
        [tag(9, 0x10), vec![4, 0, 0, 0], b"ABCD".to_vec()].concat(),
        [tag(9, 0x1010), open.to_vec(), inner].concat(),
        [tag(0xfffe, 0xe00d), vec![0; 4], tag(0xfffe, 0xe0dd), vec![0; 4]].concat(),
    ]
    .concat();
    let unknown = [tag(0x2001, 0x9000), b"UN\0\0".to_vec(), open.to_vec(), items].concat();
    let film = |elements: &[Vec<u8>]| decode(&dicom(EXPLICIT, elements), "film", &DecodeOptions::default());
    let mut elements = image(
        2,
        2,
        element(0x7fe0, 0x10, *b"OW", &[0, 0, 0xff, 0x0f, 0, 8, 1, 0]),
    );
    let plain = film(&elements).unwrap();
    elements.insert(9, unknown.clone());
    assert_eq!(film(&elements).unwrap().grey, plain.grey);
    // The same within an explicit sequence, and cut off.
    let sequence = [
        tag(0x2001, 0x9001),
        b"SQ\0\0".to_vec(),
        open.to_vec(),
        [
            tag(0xfffe, 0xe000),
            open.to_vec(),
            unknown.clone(),
            tag(0xfffe, 0xe00d),
            vec![0; 4],
        ]
        .concat(),
        [tag(0xfffe, 0xe0dd), vec![0; 4]].concat(),
    ]
    .concat();
    elements[9] = sequence;
    assert_eq!(film(&elements).unwrap().grey, plain.grey);
    elements[9] = unknown[..unknown.len() - 12].to_vec();
    assert!(film(&elements).is_err());
}

#[test]
fn an_odd_number_of_bytes_in_big_endian_words_keeps_its_last() {
    let element = |group: u16, number: u16, vr: [u8; 2], value: &[u8]| {
        let mut bytes = [group.to_be_bytes(), number.to_be_bytes()].concat();
        bytes.extend(vr);
        if vr == *b"OW" {
            bytes.extend([0, 0]);
            bytes.extend((value.len() as u32).to_be_bytes());
        } else {
            bytes.extend((value.len() as u16).to_be_bytes());
        }
        bytes.extend(value);
        bytes
    };
    let word = |number, value: u16| element(0x28, number, *b"US", &value.to_be_bytes());
    let elements = [
        element(8, 0x60, *b"CS", b"DX"),
        word(2, 1),
        element(0x28, 4, *b"CS", b"MONOCHROME2 "),
        word(0x10, 3),
        word(0x11, 1),
        word(0x100, 8),
        word(0x101, 8),
        word(0x102, 7),
        word(0x103, 0),
        element(0x7fe0, 0x10, *b"OW", &[51, 0, 7, 255]),
    ];
    let film = decode(
        &dicom("1.2.840.10008.1.2.2\0", &elements),
        "film",
        &DecodeOptions::default(),
    )
    .unwrap();
    assert_eq!(film.grey, [0.0, 0.2, 1.0]);
}

#[test]
fn run_lengths_that_cannot_fill_the_image_are_refused_before_it_is_made() {
    let mut frame = vec![2, 0, 0, 0, 64, 0, 0, 0, 66, 0, 0, 0];
    frame.resize(68, 0);
    let mut pixels = [0xe0, 0x7f, 0x10, 0, b'O', b'B', 0, 0, 0xff, 0xff, 0xff, 0xff].to_vec();
    pixels.extend([0xfe, 0xff, 0, 0xe0, 0, 0, 0, 0, 0xfe, 0xff, 0, 0xe0, 68, 0, 0, 0]);
    pixels.extend(frame);
    pixels.extend([0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]);
    let error = refused(&dicom("1.2.840.10008.1.2.5\0", &image(8000, 8000, pixels)));
    assert!(matches!(error, Error::Truncated { .. }), "{error}");
}

#[test]
fn giant_lengths_are_refused_before_they_are_read() {
    for vr in [*b"OB", *b"UN", *b"SQ", *b"OW"] {
        for length in [0xffff_fffe_u32, 0x7fff_fffe, 100_000] {
            let mut giant = element(0x28, 0x3010, vr, &[]);
            giant.truncate(8);
            giant.extend(length.to_le_bytes());
            let mut elements = image(2, 2, Vec::new());
            elements.push(giant);
            let error = refused(&dicom(EXPLICIT, &elements));
            assert!(
                matches!(error, Error::Truncated { .. } | Error::Malformed { .. }),
                "{error}"
            );
        }
    }
}

#[test]
fn sequences_within_sequences_do_not_exhaust_the_stack() {
    let level = [
        [8, 0, 0x40, 0x11, b'S', b'Q', 0, 0, 0xff, 0xff, 0xff, 0xff].as_slice(),
        [0xfe, 0xff, 0, 0xe0, 0xff, 0xff, 0xff, 0xff].as_slice(),
    ]
    .concat();
    let error = refused(&dicom(EXPLICIT, &[level.repeat(10_000)]));
    assert!(error.to_string().contains("nest deeper"), "{error}");
}

#[test]
fn delimiters_out_of_place_are_refused() {
    let item_end = vec![0xfe, 0xff, 0x0d, 0xe0, 0, 0, 0, 0];
    let sequence_end = vec![0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0];
    let item = vec![0xfe, 0xff, 0, 0xe0, 0xff, 0xff, 0xff, 0xff];
    let sequence = vec![8, 0, 0x40, 0x11, b'S', b'Q', 0, 0, 0xff, 0xff, 0xff, 0xff];
    for elements in [
        vec![item_end.clone(), item.clone()],
        vec![sequence.clone(), item_end.clone(), item_end.clone(), item.clone()],
        vec![sequence_end.clone(), item.clone()],
        vec![sequence.clone(), item.clone(), sequence_end, item_end, item],
        vec![sequence],
    ] {
        let error = refused(&dicom(EXPLICIT, &elements));
        assert!(!matches!(error, Error::DecoderFault { .. }), "{error}");
    }
}

/// Found by fuzzing: a terminal that prints the message must not obey the file.
#[test]
fn messages_quote_files_briefly_and_without_control_characters() {
    let long = "\x1b[2J\x07".repeat(200);
    let modality = [element(8, 0x60, *b"CS", long.as_bytes())];
    let photometric = {
        let mut elements = image(2, 2, Vec::new());
        elements[2] = element(0x28, 4, *b"CS", long.as_bytes());
        elements
    };
    let files = [
        dicom(&long, &[]),
        dicom(
            EXPLICIT,
            &[
                modality.to_vec(),
                image(2, 2, element(0x7fe0, 0x10, *b"OW", &[0; 8]))[1..].to_vec(),
            ]
            .concat(),
        ),
        dicom(
            EXPLICIT,
            &[photometric, vec![element(0x7fe0, 0x10, *b"OW", &[0; 8])]].concat(),
        ),
    ];
    for bytes in files {
        let message = refused(&bytes).to_string();
        assert!(message.contains("\\u{1b}") && message.len() < 600, "{message:?}");
        assert!(!message.chars().any(char::is_control), "{message:?}");
    }
}

#[test]
fn a_deflated_data_set_is_not_inflated_past_the_limit() {
    use std::io::Write;

    let mut deflater = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    deflater.write_all(&vec![0; 64 << 20]).unwrap();
    let bomb = dicom("1.2.840.10008.1.2.1.99", &[deflater.finish().unwrap()]);
    let options = DecodeOptions::default().with_max_file_bytes(1 << 20);
    LARGEST.with(|largest| largest.set(0));
    assert!(matches!(
        decode(&bomb, "film", &options),
        Err(Error::TooManyBytes { .. })
    ));
    assert!(LARGEST.with(Cell::get) < 4 << 20);
}

#[test]
fn what_is_no_film_is_told_apart() {
    for (bytes, word) in [
        (b"".as_slice(), "empty"),
        (b"GIF89a".as_slice(), "GIF"),
        (b"\0\0\0\x0cjP  ".as_slice(), "convert it to PNG"),
        (b"II*\0".as_slice(), "damaged TIFF"),
        (b"MM\0+".as_slice(), "BigTIFF"),
        (b"BM\0\0".as_slice(), "BMP"),
        (b"RIFF\0\0\0\0WEBPVP8 ".as_slice(), "truncated WebP"),
        (b"<!DOCTYPE html>".as_slice(), "HTML"),
        (
            b"version https://git-lfs.github.com/spec/v1".as_slice(),
            "git lfs pull",
        ),
        (b"\x01\x02\x03\x04".as_slice(), "01 02 03 04"),
    ] {
        let message = refused(bytes).to_string();
        assert!(message.contains(word), "{message}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_films_never_panic(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let files = goldens_once();
        let (name, bytes) = which.get(files);
        let mut bytes = bytes.clone();
        for (place, value) in changes {
            let at = place.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        let (film, largest) = measured(&bytes);
        prop_assert!(!matches!(film, Err(Error::DecoderFault { .. })), "{name}: {film:?}");
        prop_assert!(largest < 64 << 20, "{name}: {largest}");
        if let Ok(film) = film {
            prop_assert_eq!(film.grey.len(), film.width * film.height);
            prop_assert!(film.grey.iter().all(|grey| (0.0..=1.0).contains(grey)));
        }
    }

    #[test]
    fn random_bytes_never_panic(
        head in prop::sample::select(vec![
            b"".to_vec(),
            b"\x89PNG\r\n\x1a\n".to_vec(),
            b"\xff\xd8\xff".to_vec(),
            [&[0; 128][..], b"DICM"].concat(),
            dicom(EXPLICIT, &[]),
            dicom("1.2.840.10008.1.2\0", &[]),
            dicom("1.2.840.10008.1.2.2\0", &[]),
        ]),
        tail in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let (film, largest) = measured(&[head, tail].concat());
        prop_assert!(!matches!(film, Err(Error::DecoderFault { .. })), "{film:?}");
        prop_assert!(largest < 1 << 20, "{largest}");
    }
}

fn goldens_once() -> &'static [(String, Vec<u8>)] {
    static FILES: std::sync::OnceLock<Vec<(String, Vec<u8>)>> = std::sync::OnceLock::new();
    FILES.get_or_init(goldens)
}

/// The checksum of PNG chunks.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = !0_u32;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                crc >> 1 ^ 0xedb8_8320
            } else {
                crc >> 1
            };
        }
    }
    !crc
}
