//! The floating-point formats of files, read as float32.

use half::{bf16, f16};
use safetensors::Dtype;

/// A floating-point format, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    F16,
    BF16,
    F32,
    F64,
}

impl Element {
    pub(super) fn of_safetensors(dtype: Dtype) -> Option<Self> {
        match dtype {
            Dtype::F16 => Some(Self::F16),
            Dtype::BF16 => Some(Self::BF16),
            Dtype::F32 => Some(Self::F32),
            Dtype::F64 => Some(Self::F64),
            _ => None,
        }
    }

    pub(super) fn bytes(self) -> usize {
        match self {
            Self::F16 | Self::BF16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// All numbers of a slice. Values beyond float32 become infinite, which the check of weights reports.
    pub(super) fn read(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Self::F16 => bytes
                .as_chunks()
                .0
                .iter()
                .map(|word| f16::from_le_bytes(*word).to_f32())
                .collect(),
            Self::BF16 => bytes
                .as_chunks()
                .0
                .iter()
                .map(|word| bf16::from_le_bytes(*word).to_f32())
                .collect(),
            Self::F32 => bytes
                .as_chunks()
                .0
                .iter()
                .map(|word| f32::from_le_bytes(*word))
                .collect(),
            Self::F64 => bytes
                .as_chunks()
                .0
                .iter()
                .map(|word| f64::from_le_bytes(*word) as f32)
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_agree_on_what_all_can_hold() {
        let values = [0.0_f32, 1.0, -0.5, 384.0, -0.007_812_5];
        let f16s: Vec<u8> = values
            .iter()
            .flat_map(|value| f16::from_f32(*value).to_le_bytes())
            .collect();
        let bf16s: Vec<u8> = values
            .iter()
            .flat_map(|value| bf16::from_f32(*value).to_le_bytes())
            .collect();
        let f32s: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let f64s: Vec<u8> = values
            .iter()
            .flat_map(|value| f64::from(*value).to_le_bytes())
            .collect();
        for (element, bytes) in [
            (Element::F16, f16s),
            (Element::BF16, bf16s),
            (Element::F32, f32s),
            (Element::F64, f64s),
        ] {
            assert_eq!(bytes.len(), element.bytes() * values.len());
            assert_eq!(element.read(&bytes), values, "{element:?}");
        }
        assert_eq!(Element::F64.read(&1e300_f64.to_le_bytes()), [f32::INFINITY]);
    }
}
