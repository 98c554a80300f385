//! Huffman tables and the bits of entropy-coded data (ITU-T T.81 annexes C and F).

use crate::fault::Fault;

/// Bits of the direct lookup; longer codes are searched by length.
const LOOKUP_BITS: u32 = 9;

/// A Huffman table.
pub(super) struct Table {
    /// Code length and symbol of every prefix of `LOOKUP_BITS` bits; length 0 if the code is longer.
    lookup: Vec<(u8, u8)>,
    /// The first code of each length, left-aligned to 16 bits, and the first beyond; index is length.
    limits: [u32; 17],
    first_codes: [u32; 17],
    first_symbols: [usize; 17],
    symbols: Vec<u8>,
}

impl Table {
    /// Reads every table of a DHT segment into `tables`, indexed `[class, identifier]`.
    pub(super) fn read_segment(
        mut content: &[u8],
        tables: &mut [[Option<Table>; 4]; 2],
    ) -> Result<(), Fault> {
        while let Some((&head, rest)) = content.split_first() {
            let (class, identifier) = (usize::from(head >> 4), usize::from(head & 15));
            let short = || Fault::Malformed("a Huffman table is too short".to_string());
            let (counts, rest) = rest.split_at_checked(16).ok_or_else(short)?;
            let total = counts.iter().map(|&count| usize::from(count)).sum();
            let (symbols, rest) = rest.split_at_checked(total).ok_or_else(short)?;
            let slot = tables.get_mut(class).and_then(|class| class.get_mut(identifier));
            let slot = slot.ok_or_else(|| {
                Fault::Malformed(format!(
                    "Huffman table {head:02x}, expected class 0 or 1 and number 0 to 3"
                ))
            })?;
            *slot = Some(Self::new(counts, symbols)?);
            content = rest;
        }
        Ok(())
    }

    /// Builds a table from the number of codes of each length 1 to 16 and their symbols.
    fn new(counts: &[u8], symbols: &[u8]) -> Result<Self, Fault> {
        let mut table = Self {
            lookup: vec![(0, 0); 1 << LOOKUP_BITS],
            limits: [0; 17],
            first_codes: [0; 17],
            first_symbols: [0; 17],
            symbols: symbols.to_vec(),
        };
        let (mut code, mut symbol) = (0_u32, 0_usize);
        for (length, &count) in (1_u32..).zip(counts) {
            table.first_codes[length as usize] = code;
            table.first_symbols[length as usize] = symbol;
            if code + u32::from(count) > 1 << length {
                return Err(Fault::Malformed(format!(
                    "a Huffman table has too many codes of {length} bits"
                )));
            }
            for _ in 0..count {
                if length <= LOOKUP_BITS {
                    let spare = LOOKUP_BITS - length;
                    let start = (code << spare) as usize;
                    table.lookup[start..start + (1 << spare)].fill((length as u8, symbols[symbol]));
                }
                code += 1;
                symbol += 1;
            }
            table.limits[length as usize] = code << (16 - length);
            code <<= 1;
        }
        Ok(table)
    }
}

/// Bits of coded data, stuffing removed.
pub(super) struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    /// Bits read ahead, the next one highest.
    buffer: u64,
    available: u32,
    /// Zero bits added after the end of the data.
    lent: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self {
            data,
            at: 0,
            buffer: 0,
            available: 0,
            lent: 0,
        }
    }

    /// The next symbol.
    pub(super) fn symbol(&mut self, table: &Table) -> Result<u8, Fault> {
        let next = self.peek16();
        let (length, symbol) = table.lookup[(next >> (16 - LOOKUP_BITS)) as usize];
        if length > 0 {
            self.skip(length.into())?;
            return Ok(symbol);
        }
        for length in LOOKUP_BITS + 1..=16 {
            if next < table.limits[length as usize] {
                let code = next >> (16 - length);
                // The code is at least the first of its length, since shorter codes are excluded above.
                let offset = code.wrapping_sub(table.first_codes[length as usize]) as usize;
                let index = table.first_symbols[length as usize].wrapping_add(offset);
                let symbol = *table.symbols.get(index).ok_or_else(no_code)?;
                self.skip(length)?;
                return Ok(symbol);
            }
        }
        Err(if self.at >= self.data.len() && self.available <= self.lent {
            ended()
        } else {
            no_code()
        })
    }

    /// A value of `size` bits, extended to its sign (T.81 F.2.2.1). `size` is at most 16.
    pub(super) fn signed(&mut self, size: u8) -> Result<i32, Fault> {
        if size == 0 {
            return Ok(0);
        }
        let size = u32::from(size);
        let value = (self.peek16() >> (16 - size)) as i32;
        self.skip(size)?;
        Ok(if value < 1 << (size - 1) {
            value - (1 << size) + 1
        } else {
            value
        })
    }

    /// Skips the rest of the interval and its restart marker.
    pub(super) fn restart(&mut self) -> Result<(), Fault> {
        (self.buffer, self.available, self.lent) = (0, 0, 0);
        let rest = &self.data[self.at..];
        let marker = rest
            .windows(2)
            .position(|pair| pair[0] == 0xff && matches!(pair[1], 0xd0..=0xd7));
        let marker = marker.ok_or_else(|| Fault::Truncated("a restart marker is missing".to_string()))?;
        self.at += marker + 2;
        Ok(())
    }

    fn peek16(&mut self) -> u32 {
        while self.available < 16 {
            let byte = match (self.data.get(self.at), self.data.get(self.at + 1)) {
                (Some(0xff), Some(0)) => {
                    self.at += 2;
                    0xff
                }
                // A marker or the end: add zeros and count them, to detect their use.
                (None | Some(0xff), _) => {
                    self.lent += 8;
                    0
                }
                (Some(&byte), _) => {
                    self.at += 1;
                    byte
                }
            };
            self.buffer = self.buffer << 8 | u64::from(byte);
            self.available += 8;
        }
        (self.buffer >> (self.available - 16)) as u32 & 0xffff
    }

    fn skip(&mut self, bits: u32) -> Result<(), Fault> {
        self.available -= bits;
        if self.available < self.lent {
            Err(ended())
        } else {
            Ok(())
        }
    }
}

fn ended() -> Fault {
    Fault::Truncated("the coded data end before the last pixel".to_string())
}

fn no_code() -> Fault {
    Fault::Malformed("the coded data hold bits that are no Huffman code".to_string())
}
