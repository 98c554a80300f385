//! Lookup tables: modality and VOI LUTs (PS3.3 C.11.1 and C.11.2).

use dicom_core::PrimitiveValue;
use dicom_dictionary_std::tags as tag;

use super::data_set::{Attributes, DataSet, first_word};
use crate::Error;

/// A lookup table.
#[derive(Debug)]
pub(super) struct Lookup {
    /// The input of the first entry.
    pub(super) first: i32,
    /// Bits per entry, as declared.
    pub(super) bits: u16,
    /// Bits that the largest entry needs. Agfa's CR writes 12-bit entries and declares 16.
    pub(super) reached: u16,
    pub(super) entries: Vec<u16>,
}

impl Lookup {
    /// Reads a table from its sequence item. `signed` is the sign of the first input.
    pub(super) fn read(item: &Attributes, signed: bool, set: &DataSet<'_>) -> Result<Self, Error> {
        let descriptor = item
            .get(&tag::LUT_DESCRIPTOR)
            .ok_or_else(|| set.missing(tag::LUT_DESCRIPTOR))?;
        let words = words(descriptor);
        let &[count, first, bits] = words.as_slice() else {
            let found = format!("{} values", words.len());
            return Err(set.bad_value(tag::LUT_DESCRIPTOR, found, "three: entries, first input, bits"));
        };
        // 65,536 entries do not fit the 16-bit count and are written as 0.
        let count = if count == 0 { 1 << 16 } else { usize::from(count) };
        let data = item
            .get(&tag::LUT_DATA)
            .ok_or_else(|| set.missing(tag::LUT_DATA))?;
        let entries = entries(data, count).ok_or_else(|| {
            let found = format!("{} bytes", data.calculate_byte_len());
            set.bad_value(
                tag::LUT_DATA,
                found,
                &format!("{count} entries, as LUTDescriptor says"),
            )
        })?;
        let first = if signed {
            i32::from(first as i16)
        } else {
            i32::from(first)
        };
        let largest = entries.iter().copied().max().unwrap_or(0);
        Ok(Self {
            first,
            bits,
            reached: (u16::BITS - largest.leading_zeros()) as u16,
            entries,
        })
    }

    /// The entry for an input; inputs out of range get the first or the last entry.
    pub(super) fn at(&self, input: i32) -> u16 {
        let index = i64::from(input) - i64::from(self.first);
        self.entries[index.clamp(0, self.entries.len() as i64 - 1) as usize]
    }

    /// The largest possible entry: that of the bits that the entries need, whatever the descriptor declares.
    /// Viewers do the same.
    pub(super) fn top(&self) -> f64 {
        f64::from((1_u32 << self.reached.max(1)) - 1)
    }
}

fn words(value: &PrimitiveValue) -> Vec<u16> {
    match value {
        PrimitiveValue::U16(words) => words.to_vec(),
        PrimitiveValue::I16(words) => words.iter().map(|&word| word as u16).collect(),
        PrimitiveValue::U8(bytes) => bytes
            .chunks_exact(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
            .collect(),
        other => first_word(other).into_iter().collect(),
    }
}

/// Exactly `count` entries: words, or bytes if the data are half as long.
fn entries(data: &PrimitiveValue, count: usize) -> Option<Vec<u16>> {
    let mut words = words(data);
    if words.len() >= count {
        words.truncate(count);
        return Some(words);
    }
    if words.len() == count.div_ceil(2) {
        let bytes = words.iter().flat_map(|word| word.to_le_bytes()).map(u16::from);
        return Some(bytes.take(count).collect());
    }
    None
}
