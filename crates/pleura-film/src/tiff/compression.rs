//! The compressions of strips and tiles.

use std::borrow::Cow;

use flate2::{Decompress, FlushDecompress, Status};

use super::lzw;
use crate::fault::Fault;
use crate::format::CONVERT;

/// A compression that is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Lzw,
    Deflate,
    PackBits,
}

impl Compression {
    /// The compression of field 259.
    pub(super) fn of(number: u32) -> Result<Self, Fault> {
        let name = match number {
            1 => return Ok(Self::None),
            5 => return Ok(Self::Lzw),
            8 | 32946 => return Ok(Self::Deflate),
            32773 => return Ok(Self::PackBits),
            2..=4 => "CCITT fax",
            6 | 7 => "JPEG",
            33003 | 33005 | 34712 => "JPEG 2000",
            34887 => "LERC",
            34925 => "LZMA",
            50000 => "Zstandard",
            50001 => "WebP",
            50002 | 52546 => "JPEG XL",
            _ => return Err(Fault::Unsupported(format!("TIFF compression {number}"), CONVERT)),
        };
        Err(Fault::Unsupported(format!("{name} compression in TIFF"), CONVERT))
    }

    /// The name in the list of steps.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Lzw => Some("LZW"),
            Self::Deflate => Some("deflate"),
            Self::PackBits => Some("PackBits"),
        }
    }

    /// The most bytes that one byte of a stream can hold: 128 in two for `PackBits`, 258 in two bits for
    /// deflate, the longest string of an LZW table in 12 bits.
    pub(super) fn largest_ratio(self) -> u64 {
        match self {
            Self::None => 1,
            Self::Lzw => 2731,
            Self::Deflate => 1032,
            Self::PackBits => 64,
        }
    }

    /// Returns the `length` bytes of a strip or tile.
    pub(super) fn decode(self, stream: &[u8], length: usize) -> Result<Cow<'_, [u8]>, Fault> {
        if self == Self::None {
            return match stream.get(..length) {
                Some(bytes) => Ok(Cow::Borrowed(bytes)),
                None => Err(short(stream.len(), length)),
            };
        }
        if length as u64 / self.largest_ratio() > stream.len() as u64 {
            return Err(short(stream.len(), length));
        }
        let mut out = vec![0; length];
        let filled = match self {
            Self::Lzw if matches!(stream, [0, second, ..] if second & 1 == 1) => {
                let what = "LZW of TIFF before version 5.0".to_string();
                return Err(Fault::Unsupported(what, CONVERT));
            }
            Self::Lzw => lzw::decode(stream, &mut out),
            Self::PackBits => Some(pack_bits(stream, &mut out)),
            _ => inflate(stream, &mut out),
        };
        match filled {
            Some(filled) if filled == length => Ok(Cow::Owned(out)),
            Some(filled) => Err(short(filled, length)),
            None => Err(Fault::Malformed(format!(
                "a strip or tile is no {} stream",
                self.name().unwrap_or_default()
            ))),
        }
    }
}

fn short(found: usize, length: usize) -> Fault {
    Fault::Truncated(format!("a strip or tile has {found} of its {length} bytes"))
}

/// Fills `out` from a zlib stream. Returns the number of bytes that it has, or `None` for a broken stream.
fn inflate(stream: &[u8], out: &mut [u8]) -> Option<usize> {
    let mut inflater = Decompress::new(true);
    loop {
        let (read, written) = (inflater.total_in(), inflater.total_out());
        let rest = &mut out[written as usize..];
        let status = inflater
            .decompress(&stream[read as usize..], rest, FlushDecompress::None)
            .ok()?;
        let filled = inflater.total_out() as usize;
        let stuck = inflater.total_in() == read && inflater.total_out() == written;
        if filled == out.len() || status == Status::StreamEnd || stuck {
            return Some(filled);
        }
    }
}

/// Fills `out` from a `PackBits` stream (TIFF 6.0, section 9). Returns the number of bytes that it has.
fn pack_bits(mut stream: &[u8], out: &mut [u8]) -> usize {
    let mut at = 0;
    while at < out.len() {
        let Some((&head, rest)) = stream.split_first() else {
            break;
        };
        stream = rest;
        match head {
            0..=127 => {
                let count = (usize::from(head) + 1).min(stream.len()).min(out.len() - at);
                out[at..at + count].copy_from_slice(&stream[..count]);
                at += count;
                stream = &stream[count..];
            }
            128 => {}
            129..=255 => {
                let Some((&byte, rest)) = stream.split_first() else {
                    break;
                };
                let count = (257 - usize::from(head)).min(out.len() - at);
                out[at..at + count].fill(byte);
                at += count;
                stream = rest;
            }
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    // Apple's Technical Note TN1023, which TIFF 6.0 quotes.
    #[test]
    fn pack_bits_as_in_the_note() {
        let packed = [
            0xfe, 0xaa, 0x02, 0x80, 0x00, 0x2a, 0xfd, 0xaa, 0x03, 0x80, 0x00, 0x2a, 0x22, 0xf7, 0xaa,
        ];
        let plain = [
            0xaa, 0xaa, 0xaa, 0x80, 0x00, 0x2a, 0xaa, 0xaa, 0xaa, 0xaa, 0x80, 0x00, 0x2a, 0x22, 0xaa, 0xaa,
            0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa,
        ];
        let mut out = [0; 24];
        assert_eq!(pack_bits(&packed, &mut out), 24);
        assert_eq!(out, plain);
        assert_eq!(pack_bits(&packed[..14], &mut [0; 24]), 14);
    }
}
