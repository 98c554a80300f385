//! LZW as in TIFF 6.0, section 13: codes of 9 to 12 bits, highest bit first, the width growing one code early.

const CLEAR: usize = 256;
const END: usize = 257;
const FIRST: usize = 258;
const ENTRIES: usize = 4096;

/// The string table: each entry is another entry and one byte.
struct Table {
    before: Vec<u16>,
    last: Vec<u8>,
    length: Vec<u16>,
    /// The number of entries.
    used: usize,
}

impl Table {
    fn new() -> Self {
        // Entries from 256 on are written before they are read.
        let byte = |entry: usize| entry as u8;
        Self {
            before: vec![0; ENTRIES],
            last: (0..ENTRIES).map(byte).collect(),
            length: vec![1; ENTRIES],
            used: FIRST,
        }
    }

    /// Adds a string: entry `before` and the byte `last`. A full table stays as it is.
    fn add(&mut self, before: usize, last: u8) {
        if self.used < ENTRIES {
            self.before[self.used] = before as u16;
            self.last[self.used] = last;
            self.length[self.used] = self.length[before] + 1;
            self.used += 1;
        }
    }

    /// Writes the string of an entry at `at`, cut at the end of `out`. Returns its first byte and length.
    fn write(&self, entry: usize, out: &mut [u8], at: usize) -> (u8, usize) {
        let length = usize::from(self.length[entry]);
        let mut entry = entry;
        for position in (at..at + length).rev() {
            if let Some(byte) = out.get_mut(position) {
                *byte = self.last[entry];
            }
            if position > at {
                entry = usize::from(self.before[entry]);
            }
        }
        (self.last[entry], length)
    }
}

/// Fills `out`. Returns the number of bytes that the stream has for it, or `None` for an invalid code.
pub(super) fn decode(stream: &[u8], out: &mut [u8]) -> Option<usize> {
    let mut table = Table::new();
    let (mut bits, mut held, mut bytes) = (0_u32, 0, stream.iter());
    let (mut at, mut previous) = (0, None);
    while at < out.len() {
        // The code that is read next belongs to a table of one entry more.
        let width = match table.used + 1 {
            0..=511 => 9,
            512..=1023 => 10,
            1024..=2047 => 11,
            _ => 12,
        };
        while held < width {
            let Some(&byte) = bytes.next() else {
                return Some(at);
            };
            bits = bits << 8 | u32::from(byte);
            held += 8;
        }
        held -= width;
        let code = (bits >> held) as usize & ((1 << width) - 1);
        match (code, previous) {
            (CLEAR, _) => {
                table.used = FIRST;
                previous = None;
                continue;
            }
            (END, _) => return Some(at),
            (_, None) if code < CLEAR => at += table.write(code, out, at).1,
            (_, Some(before)) if code < table.used => {
                let (first, length) = table.write(code, out, at);
                table.add(before, first);
                at += length;
            }
            // The string before, with its first byte once more: the entry is made by its own code.
            (_, Some(before)) if code == table.used => {
                let (first, _) = table.write(before, out, at);
                table.add(before, first);
                at += table.write(code, out, at).1;
            }
            _ => return None,
        }
        previous = Some(code);
    }
    Some(out.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    // TIFF 6.0, section 13: the specification's own example.
    #[test]
    fn the_example_of_the_specification() {
        let codes = [256_u32, 7, 258, 8, 8, 258, 6, 6, 257];
        let (mut bits, mut held, mut stream) = (0_u32, 0, Vec::new());
        for code in codes {
            bits = bits << 9 | code;
            held += 9;
            while held >= 8 {
                held -= 8;
                stream.push((bits >> held) as u8);
            }
        }
        stream.push((bits << (8 - held)) as u8);
        let mut out = [0; 10];
        assert_eq!(decode(&stream, &mut out), Some(9));
        assert_eq!(out[..9], [7, 7, 7, 8, 8, 7, 7, 6, 6]);
    }

    #[test]
    fn an_entry_that_does_not_exist_is_an_error() {
        // CLEAR, then code 300.
        assert_eq!(decode(&[0x80, 0x4b, 0, 0], &mut [0; 4]), None);
        assert_eq!(decode(&[], &mut [0; 4]), Some(0));
    }
}
