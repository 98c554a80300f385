//! NumPy's `.npy` format, version 1.0, for little-endian `f32` (NEP 1).

/// An array as the bytes of an `.npy` file. The length of `values` is the product of `shape`.
pub fn bytes(shape: &[usize], values: &[f32]) -> Vec<u8> {
    debug_assert_eq!(shape.iter().product::<usize>(), values.len());
    // Python's tuple syntax: a comma after a single size, none after the last of several.
    let sizes: Vec<String> = shape.iter().map(ToString::to_string).collect();
    let comma = if shape.len() == 1 { "," } else { "" };
    let mut header = format!(
        "{{'descr': '<f4', 'fortran_order': False, 'shape': ({}{comma}), }}",
        sizes.join(", ")
    );
    // Magic, version and length take ten bytes; the data begin at a multiple of 64, after a line break.
    let fill = (64 - (10 + header.len() + 1) % 64) % 64;
    header.extend(std::iter::repeat_n(' ', fill));
    header.push('\n');
    let mut out = b"\x93NUMPY\x01\x00".to_vec();
    out.extend((header.len() as u16).to_le_bytes());
    out.extend(header.as_bytes());
    out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_numpys() {
        // numpy 2: np.save(f, np.array([[1.5, -2.0, 0.0]], dtype='<f4'))
        let mut expected =
            b"\x93NUMPY\x01\x00v\x00{'descr': '<f4', 'fortran_order': False, 'shape': (1, 3), }".to_vec();
        expected.resize(127, b' ');
        expected.push(b'\n');
        expected.extend([0, 0, 0xC0, 0x3F, 0, 0, 0, 0xC0, 0, 0, 0, 0]);
        assert_eq!(bytes(&[1, 3], &[1.5, -2.0, 0.0]), expected);
        assert!(bytes(&[2], &[0.0; 2]).windows(4).any(|window| window == b"(2,)"));
    }
}
