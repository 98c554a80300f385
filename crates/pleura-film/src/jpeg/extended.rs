//! Sequential DCT of 12 bits, one component (ITU-T T.81 process 4), which 8-bit decoders do not read. It is
//! the process of radiographs in transfer syntax 1.2.840.10008.1.2.4.51.

use std::sync::OnceLock;

use super::header::Header;
use super::huffman::{Bits, Table};
use super::lossless::{no_table, read_restart_interval, scan_components};
use crate::fault::Fault;

/// The position of the k-th zigzag coefficient in its block.
const ZIGZAG: [usize; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7,
    14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39,
    46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// Decodes a grey stream, `[height, width]`.
pub(super) fn decode(header: &Header<'_>) -> Result<Vec<u16>, Fault> {
    let ([component], [scan]) = (header.components.as_slice(), header.scans.as_slice()) else {
        let what = "12-bit JPEG in colour or in several scans".to_string();
        return Err(Fault::Unsupported(
            what,
            "convert the film to PNG or to lossless JPEG",
        ));
    };
    let mut huffman = <[[Option<Table>; 4]; 2]>::default();
    let mut quantisation = <[Option<[f32; 64]>; 4]>::default();
    let mut restart_interval = 0;
    for &(marker, content) in &scan.tables {
        match marker {
            0xc4 => Table::read_segment(content, &mut huffman)?,
            0xdb => read_quantisation(content, &mut quantisation)?,
            0xdd => restart_interval = read_restart_interval(content)?,
            _ => {}
        }
    }
    let (chosen, _) = scan_components(scan.header, &header.components)?;
    let [(_, (dc, ac))] = chosen.as_slice() else {
        return Err(Fault::Malformed(
            "the scan does not hold the one component".to_string(),
        ));
    };
    let (dc, ac) = (
        huffman[0][*dc].as_ref().ok_or_else(|| no_table(*dc))?,
        huffman[1][*ac].as_ref().ok_or_else(|| no_table(*ac))?,
    );
    let quantisation = quantisation[usize::from(component.table)]
        .as_ref()
        .ok_or_else(|| Fault::Malformed(format!("quantisation table {} is not defined", component.table)))?;

    let (width, height) = (usize::from(header.width), usize::from(header.height));
    let (columns, rows) = (width.div_ceil(8), height.div_ceil(8));
    let top = (1_i32 << header.precision) - 1;
    let middle = (1_i32 << (header.precision - 1)) as f32;
    let mut values = vec![0; width * height];
    let mut bits = Bits::new(scan.data);
    let mut previous = 0;
    for block in 0..columns * rows {
        if restart_interval > 0 && block > 0 && block % restart_interval == 0 {
            bits.restart()?;
            previous = 0;
        }
        let mut coefficients = [0.0; 64];
        read_block(&mut bits, dc, ac, quantisation, &mut previous, &mut coefficients)?;
        let samples = inverse_dct(&coefficients);
        let (left, upper) = (8 * (block % columns), 8 * (block / columns));
        for (row, line) in samples.chunks_exact(8).enumerate().take(height - upper) {
            let start = (upper + row) * width + left;
            let length = (width - left).min(8);
            for (value, sample) in values[start..start + length].iter_mut().zip(line) {
                *value = ((sample + middle).round() as i32).clamp(0, top) as u16;
            }
        }
    }
    Ok(values)
}

/// Reads one block's coefficients, dequantised, in natural order (T.81 F.2.2).
fn read_block(
    bits: &mut Bits<'_>,
    dc: &Table,
    ac: &Table,
    quantisation: &[f32; 64],
    previous: &mut i32,
    coefficients: &mut [f32; 64],
) -> Result<(), Fault> {
    let size = bits.symbol(dc)?;
    if size > 15 {
        return Err(Fault::Malformed(format!("a DC difference of {size} bits")));
    }
    *previous = previous.wrapping_add(bits.signed(size)?);
    coefficients[0] = *previous as f32 * quantisation[0];
    let mut at = 1;
    while at < 64 {
        let symbol = bits.symbol(ac)?;
        let (run, size) = (usize::from(symbol >> 4), symbol & 15);
        match (run, size) {
            (15, 0) => at += 16,
            (_, 0) => break,
            _ => {
                at += run;
                if at > 63 {
                    return Err(Fault::Malformed(
                        "a block has more than 64 coefficients".to_string(),
                    ));
                }
                coefficients[ZIGZAG[at]] = bits.signed(size)? as f32 * quantisation[at];
                at += 1;
            }
        }
    }
    Ok(())
}

/// Reads every table of a DQT segment; values stay in zigzag order.
fn read_quantisation(mut content: &[u8], tables: &mut [Option<[f32; 64]>; 4]) -> Result<(), Fault> {
    while let Some((&head, rest)) = content.split_first() {
        let short = || Fault::Malformed("a quantisation table is too short".to_string());
        let wide = head >> 4 != 0;
        let (part, rest) = rest
            .split_at_checked(if wide { 128 } else { 64 })
            .ok_or_else(short)?;
        let slot = tables.get_mut(usize::from(head & 15));
        let slot = slot.ok_or_else(|| Fault::Malformed(format!("quantisation table {}", head & 15)))?;
        let mut table = [0.0; 64];
        for (at, value) in table.iter_mut().enumerate() {
            *value = if wide {
                f32::from(u16::from_be_bytes([part[2 * at], part[2 * at + 1]]))
            } else {
                f32::from(part[at])
            };
        }
        *slot = Some(table);
        content = rest;
    }
    Ok(())
}

/// The inverse DCT of a block (T.81 A.3.3), rows, then columns.
fn inverse_dct(coefficients: &[f32; 64]) -> [f32; 64] {
    static BASIS: OnceLock<[[f32; 8]; 8]> = OnceLock::new();
    // basis[x][u] = C(u)/2 · cos((2x + 1)uπ/16)
    let basis = BASIS.get_or_init(|| {
        std::array::from_fn(|x| {
            std::array::from_fn(|u| {
                let scale = if u == 0 { 0.125_f64.sqrt() } else { 0.5 };
                let angle = (2 * x + 1) as f64 * u as f64 * std::f64::consts::PI / 16.0;
                (scale * angle.cos()) as f32
            })
        })
    });
    let mut half = [0.0; 64];
    for (line, out) in coefficients.chunks_exact(8).zip(half.chunks_exact_mut(8)) {
        for (value, basis) in out.iter_mut().zip(basis) {
            *value = line.iter().zip(basis).map(|(c, b)| c * b).sum();
        }
    }
    let mut samples = [0.0; 64];
    for x in 0..8 {
        for (y, basis) in basis.iter().enumerate() {
            samples[8 * y + x] = (0..8).map(|v| half[8 * v + x] * basis[v]).sum();
        }
    }
    samples
}
