//! What every film decoder must hold on any bytes.

use pleura_film::{DecodeOptions, Error, Polarity, Voi, decode, prepare};

/// Decodes `bytes` with `options`; any panic, oversized film or grey level outside 0..=1 is a finding.
pub fn check(bytes: &[u8], options: &DecodeOptions) {
    let options = options
        .clone()
        .with_max_pixels(1 << 20)
        .with_max_file_bytes(1 << 22);
    match decode(bytes, "film", &options) {
        Ok(film) => {
            assert_eq!(film.grey.len(), film.width * film.height);
            assert!(film.grey.len() <= 1 << 20);
            assert!(film.grey.iter().all(|grey| (0.0..=1.0).contains(grey)));
            let prepared = prepare(
                &film,
                &pleura_film::Preparation {
                    size: 16,
                    ..Default::default()
                },
            );
            assert_eq!(prepared.grey.len(), 256);
            for step in &film.source.steps {
                assert!(!step.to_string().is_empty());
            }
        }
        Err(error) => {
            assert!(!matches!(error, Error::DecoderFault { .. }), "{error}");
            assert!(error.to_string().len() < 2000, "{error}");
        }
    }
}

/// The DICOM choices, picked by a byte.
pub fn dicom_options(choice: u8) -> DecodeOptions {
    let options = DecodeOptions::default().with_any_modality(choice & 1 == 1);
    let options = match choice >> 1 & 3 {
        0 => options,
        1 => options.with_voi(Voi::MinMax),
        2 => options.with_voi(Voi::Window(0)),
        _ => options.with_voi(Voi::Lut(0)),
    };
    if choice & 8 == 8 {
        options.with_polarity(Polarity::Monochrome1)
    } else {
        options
    }
}
