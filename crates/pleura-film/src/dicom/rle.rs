//! RLE lossless (PS3.5 annex G).

use crate::source::Format;

use crate::Error;

/// The largest expansion of one byte of a segment: 128 bytes from two.
const MOST_EXPANDED: u64 = 64;

/// Decodes one frame: `segments` byte planes of `pixels` bytes each, most significant byte first within a
/// sample. Returns the planes one after the other.
pub(super) fn decode(coded: &[u8], pixels: usize, segments: usize, name: &str) -> Result<Vec<u8>, Error> {
    let wrong = |detail: String| Error::Malformed {
        name: name.to_string(),
        format: Format::Dicom,
        detail,
    };
    let word = |index: usize| {
        let word: [u8; 4] = coded.get(4 * index..4 * index + 4)?.try_into().ok()?;
        Some(u32::from_le_bytes(word) as usize)
    };
    let found = word(0).filter(|_| coded.len() >= 64);
    let found = found.ok_or_else(|| wrong("the RLE header is shorter than 64 bytes".to_string()))?;
    if found != segments || segments > 15 {
        return Err(wrong(format!(
            "the RLE header names {found} segments, expected {segments}"
        )));
    }
    let expanded = (pixels * segments) as u64;
    if expanded / MOST_EXPANDED > coded.len() as u64 {
        let detail = format!(
            "{} bytes of RLE cannot hold {expanded} bytes of pixels",
            coded.len()
        );
        return Err(Error::Truncated {
            name: name.to_string(),
            format: Format::Dicom,
            detail,
        });
    }
    let mut planes = Vec::with_capacity(pixels * segments);
    for segment in 0..segments {
        let start = word(1 + segment).unwrap_or(0);
        let end = if segment + 1 < segments {
            word(2 + segment).unwrap_or(0)
        } else {
            coded.len()
        };
        let bytes = coded
            .get(start..end)
            .filter(|_| start >= 64)
            .ok_or_else(|| wrong(format!("RLE segment {segment} lies at bytes {start} to {end}")))?;
        let full = planes.len() + pixels;
        unpack(bytes, full, &mut planes);
        if planes.len() < full {
            let left = full - planes.len();
            let detail = format!("RLE segment {segment} ends {left} bytes before the last pixel");
            return Err(Error::Truncated {
                name: name.to_string(),
                format: Format::Dicom,
                detail,
            });
        }
    }
    Ok(planes)
}

/// Unpacks one segment until `out` has `full` bytes or the segment ends.
fn unpack(mut bytes: &[u8], full: usize, out: &mut Vec<u8>) {
    while out.len() < full {
        let Some((&control, rest)) = bytes.split_first() else {
            return;
        };
        let room = full - out.len();
        match control {
            // A copy of the next n + 1 bytes.
            0..=127 => {
                let (copied, rest) = rest.split_at(rest.len().min(usize::from(control) + 1));
                out.extend(&copied[..copied.len().min(room)]);
                bytes = rest;
            }
            128 => bytes = rest,
            // The next byte, repeated 257 - n times.
            129..=255 => {
                let Some((&value, rest)) = rest.split_first() else {
                    return;
                };
                out.resize(out.len() + (257 - usize::from(control)).min(room), value);
                bytes = rest;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(segments: &[&[u8]]) -> Vec<u8> {
        let mut header = vec![segments.len() as u32];
        let mut at = 64;
        for segment in segments {
            header.push(at);
            at += segment.len() as u32;
        }
        header.resize(16, 0);
        let mut bytes: Vec<u8> = header.iter().flat_map(|word| word.to_le_bytes()).collect();
        bytes.extend(segments.concat());
        bytes
    }

    #[test]
    fn copies_and_runs_are_unpacked() {
        // Two literals, a no-op, three times 9.
        let coded = frame(&[&[1, 5, 6, 128, 254, 9]]);
        assert_eq!(decode(&coded, 5, 1, "film").unwrap(), [5, 6, 9, 9, 9]);
    }

    #[test]
    fn segments_that_end_early_or_lie_outside_are_refused() {
        let coded = frame(&[&[1, 5, 6]]);
        assert!(matches!(
            decode(&coded, 5, 1, "film"),
            Err(Error::Truncated { .. })
        ));
        assert!(matches!(
            decode(&coded, 2, 2, "film"),
            Err(Error::Malformed { .. })
        ));
        let mut outside = coded.clone();
        outside[4..8].copy_from_slice(&1000_u32.to_le_bytes());
        assert!(matches!(
            decode(&outside, 2, 1, "film"),
            Err(Error::Malformed { .. })
        ));
        assert!(matches!(
            decode(&coded[..40], 2, 1, "film"),
            Err(Error::Malformed { .. })
        ));
        assert!(matches!(
            decode(&coded, 1 << 28, 1, "film"),
            Err(Error::Truncated { .. })
        ));
    }
}
