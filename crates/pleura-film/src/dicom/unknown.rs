//! Sequences of VR `UN` and undefined length, as written by converters that do not know them.
//!
//! Their items are in implicit VR in every transfer syntax (PS3.5 6.2.2). The data-set reader would read them
//! as explicit VR. Nothing in them is needed, so they are removed first. So are elements without a value
//! representation in explicit VR, as some programs write private ones.

use std::ops::Range;

/// The data element that ends the search.
const PIXEL_DATA: (u16, u16) = (0x7fe0, 0x0010);
const ITEM: (u16, u16) = (0xfffe, 0xe000);
const ITEM_END: (u16, u16) = (0xfffe, 0xe00d);
const SEQUENCE_END: (u16, u16) = (0xfffe, 0xe0dd);
const UNDEFINED: u32 = u32::MAX;
/// The deepest nesting followed; the reader refuses deeper files.
const DEEPEST: usize = 64;

/// Removes them from explicit little endian bytes from `start` on. Returns the rest and the number of elements
/// without a value representation, or `None` if there is nothing to remove. Parts that cannot be parsed are
/// left unchanged.
pub(super) fn without(bytes: &[u8], start: usize) -> Option<(Vec<u8>, usize)> {
    let mut walk = Walk {
        bytes,
        cuts: Vec::new(),
        without_vr: 0,
    };
    let mut at = start;
    while let Some(end) = walk.explicit(at, 0) {
        at = end;
    }
    if walk.cuts.is_empty() {
        return None;
    }
    let mut kept = Vec::with_capacity(bytes.len());
    let mut from = 0;
    for cut in walk.cuts {
        kept.extend(&bytes[from..cut.start]);
        from = cut.end;
    }
    kept.extend(&bytes[from..]);
    Some((kept, walk.without_vr))
}

struct Walk<'a> {
    bytes: &'a [u8],
    /// The ranges to remove, in order.
    cuts: Vec<Range<usize>>,
    /// Those of elements without a value representation.
    without_vr: usize,
}

impl Walk<'_> {
    fn word(&self, at: usize) -> Option<u16> {
        let bytes = self.bytes.get(at..at.checked_add(2)?)?;
        Some(u16::from_le_bytes(bytes.try_into().ok()?))
    }

    fn length(&self, at: usize) -> Option<u32> {
        let bytes = self.bytes.get(at..at.checked_add(4)?)?;
        Some(u32::from_le_bytes(bytes.try_into().ok()?))
    }

    fn tag(&self, at: usize) -> Option<(u16, u16)> {
        Some((self.word(at)?, self.word(at + 2)?))
    }

    /// The end of a value, if it is complete.
    fn behind(&self, at: usize, length: u32) -> Option<usize> {
        let end = at.checked_add(length as usize)?;
        (end <= self.bytes.len()).then_some(end)
    }

    /// The end of an element in explicit VR; `None` at the pixels, or if the end is unknown.
    fn explicit(&mut self, at: usize, depth: usize) -> Option<usize> {
        let tag = self.tag(at)?;
        if tag == PIXEL_DATA || tag.0 == ITEM.0 {
            return None;
        }
        let vr: [u8; 2] = self.bytes.get(at + 4..at + 6)?.try_into().ok()?;
        if !vr.iter().all(u8::is_ascii_uppercase) {
            let end = self.implicit(at, depth)?;
            self.cuts.push(at..end);
            self.without_vr += 1;
            return Some(end);
        }
        let long = [
            b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV",
        ];
        if !long.contains(&&vr) {
            return self.behind(at + 8, self.word(at + 6)?.into());
        }
        let (length, value) = (self.length(at + 8)?, at + 12);
        match (length, &vr) {
            (UNDEFINED, b"UN") => {
                let end = self.items(value, depth, Self::implicit)?;
                self.cuts.push(at..end);
                Some(end)
            }
            (UNDEFINED, b"SQ") => self.items(value, depth, Self::explicit),
            (UNDEFINED, _) => None,
            // Nothing is removed inside an explicit length, which would have to change.
            _ => self.behind(value, length),
        }
    }

    /// The end of an element in implicit VR.
    fn implicit(&mut self, at: usize, depth: usize) -> Option<usize> {
        match self.length(at + 4)? {
            UNDEFINED => self.items(at + 8, depth, Self::implicit),
            length => self.behind(at + 8, length),
        }
    }

    /// The end of a sequence of items; `element` finds the end of each element.
    fn items(
        &mut self,
        mut at: usize,
        depth: usize,
        element: fn(&mut Self, usize, usize) -> Option<usize>,
    ) -> Option<usize> {
        if depth > DEEPEST {
            return None;
        }
        loop {
            let (tag, length) = (self.tag(at)?, self.length(at + 4)?);
            at += 8;
            match (tag, length) {
                (SEQUENCE_END, _) => return Some(at),
                (ITEM, UNDEFINED) => {
                    while self.tag(at)? != ITEM_END {
                        at = element(self, at, depth + 1)?;
                    }
                    at += 8;
                }
                (ITEM, length) => at = self.behind(at, length)?,
                _ => return None,
            }
        }
    }
}
