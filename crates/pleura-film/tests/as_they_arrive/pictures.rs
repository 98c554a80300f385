//! PNG and JPEG files that other readers open.

use pleura_film::{DecodeOptions, Error, Film, decode, grey_png_8, grey_png_16};

fn film(bytes: &[u8]) -> Film {
    decode(bytes, "film", &DecodeOptions::default()).unwrap()
}

fn account(film: &Film) -> String {
    let steps = film.source.steps.iter();
    steps.map(|step| format!("{step}\n")).collect()
}

fn golden(name: &str) -> Vec<u8> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    std::fs::read(folder.join(name)).unwrap()
}

/// Inserts bytes at the first of these markers.
fn inserted(bytes: &[u8], before: [u8; 2], stray: &[u8]) -> Vec<u8> {
    let at = bytes.windows(2).position(|pair| pair == before).unwrap();
    [&bytes[..at], stray, &bytes[at..]].concat()
}

// PaddleOCR#9925. Pillow (libjpeg) opens all of these with the pixels of the file without the stray bytes.
#[test]
fn jpeg_with_stray_bytes_is_read() {
    for name in [
        "grey.jpg",
        "grey_restarts.jpg",
        "grey_progressive.jpg",
        "extended12.jpg",
        "lossless16.jpg",
    ] {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        if !folder.join(name).exists() {
            continue;
        }
        let (bytes, right) = (golden(name), film(&golden(name)).grey);
        for (before, stray) in [
            ([0xff, 0xc4], &[0x12, 0x34][..]),
            ([0xff, 0xda], &[0x00, 0x01, 0x02]),
            ([0xff, 0xd9], &[0xff]),
            ([0xff, 0xc4], &[0xff, 0x00]),
        ] {
            let found = film(&inserted(&bytes, before, stray));
            assert!(found.grey == right, "{name}");
            let ignored = account(&found).contains("belong to no segment");
            assert_eq!(ignored, stray != [0xff], "{name}: {}", account(&found));
        }
        // Bytes after the end are no part of the file.
        assert!(film(&[&bytes[..], b"tail"].concat()).grey == right);
    }
}

#[test]
fn jpeg_without_its_end_is_read_if_it_is_whole() {
    let (bytes, right) = (golden("grey.jpg"), film(&golden("grey.jpg")).grey);
    let open = film(&bytes[..bytes.len() - 2]);
    assert!(open.grey == right && account(&open).contains("end of the file is missing"));
    for cut in [bytes.len() - 8, bytes.len() - 40, bytes.len() / 2] {
        let error = decode(&bytes[..cut], "film", &DecodeOptions::default()).unwrap_err();
        assert!(matches!(error, Error::Truncated { .. }), "{error}");
    }
    // A progressive stream that ends early could lack scans.
    let bytes = golden("grey_progressive.jpg");
    assert!(decode(&bytes[..bytes.len() - 2], "film", &DecodeOptions::default()).is_err());
}

// darknet#5293. Pillow opens the file without IEND.
#[test]
fn png_without_its_end_is_read_if_it_is_whole() {
    for name in ["grey8.png", "grey16.png", "grey8_interlaced.png", "rgb8.png"] {
        let (bytes, right) = (golden(name), film(&golden(name)).grey);
        for end in [12, 11, 4] {
            let open = film(&bytes[..bytes.len() - end]);
            assert!(
                open.grey == right && account(&open).contains("end of the file is missing"),
                "{name}"
            );
        }
        for cut in [bytes.len() - 13, bytes.len() - 20, bytes.len() - 40] {
            let error = decode(&bytes[..cut], "film", &DecodeOptions::default()).unwrap_err();
            assert!(matches!(error, Error::Truncated { .. }), "{name}: {error}");
        }
    }
    // A wrong checksum is named in words.
    let mut bytes = golden("grey8.png");
    let at = bytes.windows(4).position(|four| four == b"IDAT").unwrap();
    bytes[at + 6] ^= 0x10;
    let error = decode(&bytes, "film", &DecodeOptions::default())
        .unwrap_err()
        .to_string();
    assert!(!error.contains('{') && !error.contains("ChunkType"), "{error}");
}

// COVID-CTset#3, geti#6388: values of a 12-bit detector in a 16-bit file. numpy: value / (2^bits - 1).
#[test]
fn sixteen_bit_films_of_narrower_detectors_are_scaled() {
    for (largest, top) in [
        (255_u16, 255.0),
        (700, 1023.0),
        (3899, 4095.0),
        (16383, 16383.0),
        (16384, 65535.0),
        (65535, 65535.0),
    ] {
        let values: Vec<u16> = (0..4096_u32)
            .map(|pixel| (pixel * u32::from(largest) / 4095) as u16)
            .collect();
        let film = film(&grey_png_16(64, 64, &values).unwrap());
        let worst = film
            .grey
            .iter()
            .zip(&values)
            .map(|(grey, &value)| (grey - f32::from(value) / top).abs());
        assert!(worst.fold(0.0, f32::max) < 1e-6, "{largest}");
        assert_eq!(account(&film).contains("scaled 16-bit samples"), top < 65535.0);
        assert_eq!(film.source.contrast.fault(), None, "{largest}");
    }
}

#[test]
fn films_without_contrast_are_decoded_and_have_a_fault() {
    let black = film(&grey_png_16(8, 8, &[0; 64]).unwrap());
    assert!(black.source.contrast.fault().is_some());
    let flat = film(&grey_png_8(8, 8, &[90; 64]).unwrap());
    assert!(flat.source.contrast.fault().is_some());
    let levels: Vec<u8> = (0..64).map(|pixel| pixel * 4).collect();
    assert_eq!(
        film(&grey_png_8(8, 8, &levels).unwrap()).source.contrast.fault(),
        None
    );
}
