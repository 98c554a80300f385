//! A walk over the marker segments of a codestream (annex A), before anything is decoded: whether all
//! tile-parts are there, and how many precincts and code-blocks they would cost.

use std::borrow::Cow;

use super::Size;
use crate::fault::Fault;

/// Start of a tile-part, start of its data, end of the codestream.
const SOT: u8 = 0x90;
const SOD: u8 = 0x93;
const EOC: u8 = 0xd9;
const END: [u8; 2] = [0xff, EOC];
/// Coding style of all components, of one component.
const COD: u8 = 0x52;
const COC: u8 = 0x53;
/// The most layers that are decoded.
const MOST_LAYERS: u64 = 32;
/// The most precincts and code-blocks, a block counted once for each layer: in one tile, since they are in
/// memory together, and in all, since each takes time. The largest film in blocks of 64 × 64 has 45,000.
const MOST_IN_TILE: u64 = 1 << 21;
const MOST: u64 = 1 << 24;

/// Checks a codestream and returns it with its last marker (EOC) and the lengths of all tile-parts, and
/// whether that marker was missing although all tile-parts were whole.
pub(super) fn whole<'a>(stream: &'a [u8], size: &Size) -> Result<(Cow<'a, [u8]>, bool), Fault> {
    let mut walk = Walk {
        stream,
        at: 2,
        layers: 1,
    };
    let mut found = Cow::Borrowed(stream);
    walk.header(SOT, stream.len(), size)?;
    let mut seen = vec![false; usize::try_from(size.tiles).unwrap_or(0)];
    loop {
        let start = walk.at;
        let Some(&[tile_1, tile_0, l3, l2, l1, l0]) = stream.get(start + 4..start + 10) else {
            return Err(walk.ends("in the header of a tile-part"));
        };
        let tile = usize::from(u16::from_be_bytes([tile_1, tile_0]));
        let tiles = seen.len();
        *seen.get_mut(tile).ok_or_else(|| {
            Fault::Malformed(format!(
                "the JPEG 2000 codestream has a tile of number {tile} and {tiles} tiles"
            ))
        })? = true;
        let mut length = u32::from_be_bytes([l3, l2, l1, l0]) as usize;
        if length == 0 {
            // All that follows.
            let rest = stream[start..].windows(2).rposition(|pair| pair == END);
            length = rest.ok_or_else(|| walk.ends("without the marker of its end"))?;
            let bytes = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
            found.to_mut()[start + 6..start + 10].copy_from_slice(&bytes);
        }
        let end = start.saturating_add(length);
        if end > stream.len() {
            return Err(walk.ends(&format!(
                "in a tile-part of tile {tile}, which begins at byte {start} and has {length} bytes"
            )));
        }
        walk.at = start + 12;
        walk.header(SOD, end, size)?;
        walk.at = end;
        let last = seen.iter().all(|&seen| seen);
        match &stream[end..] {
            [0xff, SOT, ..] => {}
            [0xff, EOC, ..] if last => return Ok((found, false)),
            [] | [0xff] | [0, ..] if last => {
                found.to_mut().truncate(end);
                found.to_mut().extend(END);
                return Ok((found, true));
            }
            [] | [0xff] | [0xff, EOC, ..] => {
                let missing = seen.iter().position(|&seen| !seen).unwrap_or(0);
                return Err(walk.ends(&format!("before tile {missing} of {tiles}")));
            }
            _ => {
                return Err(Fault::Malformed(format!(
                    "no marker after the tile-part of the JPEG 2000 codestream that ends at byte {end}"
                )));
            }
        }
    }
}

struct Walk<'a> {
    stream: &'a [u8],
    at: usize,
    /// Layers of the last COD.
    layers: u64,
}

impl Walk<'_> {
    fn ends(&self, place: &str) -> Fault {
        Fault::Truncated(format!(
            "the JPEG 2000 codestream ends after {} bytes, {place}",
            self.stream.len()
        ))
    }

    /// Reads marker segments up to the marker `last`, which must begin before `end`.
    fn header(&mut self, last: u8, end: usize, size: &Size) -> Result<(), Fault> {
        loop {
            let Some(&[0xff, marker]) = self.stream.get(self.at..self.at + 2) else {
                if self.at + 2 > self.stream.len() {
                    return Err(self.ends("in a header"));
                }
                return Err(Fault::Malformed(format!(
                    "no marker at byte {} of the JPEG 2000 codestream",
                    self.at
                )));
            };
            if self.at >= end {
                return Err(Fault::Malformed(
                    "a tile-part of the JPEG 2000 codestream has no data".to_string(),
                ));
            }
            if marker == last {
                return Ok(());
            }
            self.at += 2;
            // These markers have no content.
            if (0x30..=0x3f).contains(&marker) {
                continue;
            }
            let rest = &self.stream[self.at..];
            let Some(&[high, low]) = rest.first_chunk() else {
                return Err(self.ends("in a header"));
            };
            let length = usize::from(u16::from_be_bytes([high, low]));
            if length < 2 {
                return Err(Fault::Malformed(format!(
                    "segment FF{marker:02X} of the JPEG 2000 codestream has {length} bytes"
                )));
            }
            let Some(segment) = rest.get(2..length) else {
                return Err(self.ends(&format!("in segment FF{marker:02X}")));
            };
            self.at += length;
            self.style(marker, segment, size)?;
        }
    }

    /// Refuses a coding style that would cost too much.
    fn style(&mut self, marker: u8, segment: &[u8], size: &Size) -> Result<(), Fault> {
        let style = match (marker, segment) {
            (COD, &[flags, _, high, low, _, ref rest @ ..]) => {
                self.layers = u64::from(u16::from_be_bytes([high, low]));
                Style::read(flags, rest)
            }
            // It may stand before the number of layers. The component has one byte: there are at most three.
            (COC, &[_, flags, ref rest @ ..]) => {
                self.layers = MOST_LAYERS;
                Style::read(flags, rest)
            }
            (COD | COC, _) => None,
            _ => return Ok(()),
        };
        let style = style.ok_or_else(|| {
            Fault::Malformed("the coding style of the JPEG 2000 codestream is too short".to_string())
        })?;
        let (wide, high) = (size.tile.0.min(size.width), size.tile.1.min(size.height));
        let in_tile = style
            .parts(wide, high, self.layers)
            .saturating_mul(size.components as u64);
        if in_tile > MOST_IN_TILE || in_tile.saturating_mul(size.tiles) > MOST {
            return Err(Fault::Malformed(format!(
                "the JPEG 2000 codestream has {in_tile} precincts and code-blocks in each of {} tiles, expected \
                 at most {MOST_IN_TILE} in one and {MOST} in all",
                size.tiles
            )));
        }
        Ok(())
    }
}

/// The sizes of a coding style (A.6.1); numbers are exponents of 2.
struct Style {
    levels: u32,
    block: (u32, u32),
    /// Precincts of each resolution; the largest where none are given.
    precincts: Vec<(u32, u32)>,
}

impl Style {
    fn read(flags: u8, rest: &[u8]) -> Option<Self> {
        let &[levels, wide, high, _, _, ref sizes @ ..] = rest else {
            return None;
        };
        let sizes = if flags & 1 == 1 { sizes } else { &[] };
        Some(Self {
            levels: u32::from(levels.min(32)),
            block: (u32::from(wide & 15) + 2, u32::from(high & 15) + 2),
            precincts: sizes
                .iter()
                .map(|&size| (u32::from(size & 15), u32::from(size >> 4)))
                .collect(),
        })
    }

    /// The most precincts and code-blocks of a tile and component.
    fn parts(&self, wide: u64, high: u64, layers: u64) -> u64 {
        let along = |side: u64, exponent: u32| (side >> exponent) + 2;
        let mut parts = 0_u64;
        for resolution in 0..=self.levels {
            let precinct = self
                .precincts
                .get(resolution as usize)
                .copied()
                .unwrap_or((15, 15));
            let (wide, high) = (
                wide >> (self.levels - resolution),
                high >> (self.levels - resolution),
            );
            // Above the lowest resolution there are three bands of half the size, with half the precincts.
            let (bands, half) = if resolution == 0 { (1, 0) } else { (3, 1) };
            let block = (
                self.block.0.min(precinct.0.saturating_sub(half)),
                self.block.1.min(precinct.1.saturating_sub(half)),
            );
            let precincts = along(wide, precinct.0).saturating_mul(along(high, precinct.1));
            let blocks = along(wide >> half, block.0).saturating_mul(along(high >> half, block.1));
            let whole = precincts.saturating_add(blocks.saturating_mul(layers));
            parts = parts.saturating_add(whole.saturating_mul(bands));
        }
        parts
    }
}
