//! JPEG-LS frames (ISO/IEC 14495-1, ITU-T T.87).
//!
//! All of part 1 that DICOM files have: lossless and near-lossless, 2 to 16 bits, restart markers, the three
//! interleave modes, and coding parameters of the stream's own. Names in comments are those of the standard.

mod bits;
mod header;
mod scan;

use self::header::{Header, Scan};
use super::coded::Coded;
use crate::Error;
use crate::source::Format;

/// Decodes a frame that must have the given columns, rows and components.
///
/// # Errors
/// [`Error::Malformed`], [`Error::Truncated`] and [`Error::Unsupported`], with the part of the codestream.
pub(super) fn decode(coded: &[u8], expected: (usize, usize, usize), name: &str) -> Result<Coded, Error> {
    frame(coded, expected).map_err(|fault| match fault {
        Fault::Ends(place) => Error::Truncated {
            name: name.to_string(),
            format: Format::Dicom,
            detail: format!("the JPEG-LS codestream ends in {place}"),
        },
        Fault::Wrong(detail) => Error::Malformed {
            name: name.to_string(),
            format: Format::Dicom,
            detail: format!("the JPEG-LS codestream: {detail}"),
        },
        Fault::Unsupported(what) => Error::Unsupported {
            name: name.to_string(),
            what: format!("JPEG-LS with {what}"),
            advice: "convert the file first, for example with `dcmdjpls`, to explicit little endian",
        },
    })
}

/// The fault of a codestream.
#[derive(Debug)]
enum Fault {
    /// It ends in this part.
    Ends(&'static str),
    /// It contradicts the standard or the data set.
    Wrong(String),
    /// A part of the standard that no film uses.
    Unsupported(&'static str),
}

fn frame(coded: &[u8], (columns, rows, components): (usize, usize, usize)) -> Result<Coded, Fault> {
    let mut header = Header::new(coded);
    header.open()?;
    let mut planes: Vec<Option<Vec<u16>>> = vec![None; components];
    let mut precision = 0;
    while planes.contains(&None) {
        let scan = header.next_scan()?;
        if (scan.columns, scan.rows, scan.of_frame) != (columns, rows, components) {
            return Err(Fault::Wrong(format!(
                "{}×{} pixels of {} components, the data set {columns}×{rows} of {components}",
                scan.columns, scan.rows, scan.of_frame
            )));
        }
        precision = scan.precision;
        let decoded = scan::decode(&scan, header.rest())?;
        header.advance(decoded.used);
        place(&scan, decoded.samples, &mut planes)?;
    }
    let planes: Vec<Vec<u16>> = planes.into_iter().flatten().collect();
    let values = match planes.len() {
        1 => planes.into_iter().flatten().collect(),
        _ => (0..columns * rows)
            .flat_map(|pixel| planes.iter().map(move |plane| plane[pixel]))
            .collect(),
    };
    Ok(Coded {
        values,
        precision,
        process: "JPEG-LS",
    })
}

/// Puts the samples of a scan into the planes of its components.
fn place(scan: &Scan, samples: Vec<Vec<u16>>, planes: &mut [Option<Vec<u16>>]) -> Result<(), Fault> {
    for (&component, samples) in scan.components.iter().zip(samples) {
        match planes.get_mut(component) {
            Some(plane @ None) => *plane = Some(samples),
            _ => return Err(Fault::Wrong("a component is in two scans".to_string())),
        }
    }
    Ok(())
}
