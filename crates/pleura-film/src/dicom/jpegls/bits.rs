//! Bits of the coded data.

use super::Fault;

/// A reader of bits, most significant first. After a byte FF only seven bits of the next one count (C.1); FF
/// followed by a byte of 80 or more is a marker, where the data end.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// The next byte.
    at: usize,
    /// Bits that are read ahead, right-aligned.
    ahead: u64,
    count: u32,
    after_ff: bool,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            at: 0,
            ahead: 0,
            count: 0,
            after_ff: false,
        }
    }

    fn fill(&mut self) {
        while self.count <= 48 {
            let Some(&byte) = self.bytes.get(self.at) else {
                return;
            };
            if byte == 0xff && self.bytes.get(self.at + 1).is_none_or(|&next| next >= 0x80) {
                return;
            }
            let width = if self.after_ff { 7 } else { 8 };
            self.ahead = self.ahead << width | u64::from(byte);
            self.count += width;
            self.after_ff = byte == 0xff;
            self.at += 1;
        }
    }

    /// The next `count` bits, at most 32.
    pub(super) fn take(&mut self, count: u32) -> Result<u32, Fault> {
        if self.count < count {
            self.fill();
            if self.count < count {
                return Err(Fault::Ends("its coded data"));
            }
        }
        self.count -= count;
        let bits = self.ahead >> self.count & ((1 << count) - 1);
        Ok(bits as u32)
    }

    /// The number of zeros before the next one, which is read too; at most `most` zeros.
    pub(super) fn zeros(&mut self, most: u32) -> Result<u32, Fault> {
        let mut zeros = 0;
        loop {
            if self.count == 0 {
                self.fill();
                if self.count == 0 {
                    return Err(Fault::Ends("its coded data"));
                }
            }
            let window = self.ahead << (64 - self.count);
            let run = window.leading_zeros().min(self.count);
            zeros += run;
            if zeros > most {
                return Err(Fault::Wrong("a code longer than its limit".to_string()));
            }
            self.count -= run;
            if self.count > 0 {
                self.count -= 1;
                return Ok(zeros);
            }
        }
    }

    /// The bytes up to the next marker; what is left before it is padding.
    pub(super) fn used(&self) -> usize {
        let rest = self.bytes.get(self.at..).unwrap_or(&[]);
        let marker = rest
            .windows(2)
            .position(|pair| pair[0] == 0xff && pair[1] >= 0x80);
        self.at + marker.unwrap_or(rest.len())
    }
}
