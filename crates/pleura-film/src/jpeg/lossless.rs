//! Lossless JPEG (ITU-T T.81 annex H): all seven predictors, 2 to 16 bits, one to four components.

use super::header::{Component, Header, Scan};
use super::huffman::{Bits, Table};
use crate::fault::Fault;

/// Decodes all scans; samples come out interleaved, `[height, width, components]`.
pub(super) fn decode(header: &Header<'_>) -> Result<Vec<u16>, Fault> {
    // The sampling factors of a single component have no effect (T.81 A.2.2).
    let sampled = |component: &Component| (component.horizontal, component.vertical) != (1, 1);
    if header.components.len() > 1 && header.components.iter().any(sampled) {
        let what = "lossless JPEG with subsampled components".to_string();
        return Err(Fault::Unsupported(what, "convert the film to PNG"));
    }
    let (width, height) = (usize::from(header.width), usize::from(header.height));
    let channels = header.components.len();
    let mut values = vec![0; width * height * channels];
    let mut seen = vec![false; channels];
    let mut tables = <[[Option<Table>; 4]; 2]>::default();
    let mut restart_interval = 0;
    for scan in &header.scans {
        for &(marker, content) in &scan.tables {
            match marker {
                0xc4 => Table::read_segment(content, &mut tables)?,
                0xdd => restart_interval = read_restart_interval(content)?,
                _ => {}
            }
        }
        let parameters = Parameters::read(scan, &header.components, header.precision)?;
        for &(component, _) in &parameters.components {
            seen[component] = true;
        }
        parameters.decode(scan, &tables[0], restart_interval, width, channels, &mut values)?;
    }
    if seen.contains(&false) {
        return Err(Fault::Truncated("a component has no scan".to_string()));
    }
    Ok(values)
}

/// The interval of a DRI segment, in coding units.
pub(super) fn read_restart_interval(content: &[u8]) -> Result<usize, Fault> {
    match content {
        &[high, low] => Ok(usize::from(u16::from_be_bytes([high, low]))),
        _ => Err(Fault::Malformed(
            "the restart interval is not two bytes".to_string(),
        )),
    }
}

/// The parsed header of a scan.
struct Parameters {
    /// Component index and DC table.
    components: Vec<(usize, usize)>,
    predictor: u8,
    point_transform: u8,
    /// The prediction for the first sample of a scan or restart interval.
    initial: i32,
}

impl Parameters {
    fn read(scan: &Scan<'_>, components: &[Component], precision: u8) -> Result<Self, Fault> {
        let (chosen, tail) = scan_components(scan.header, components)?;
        let [predictor, _, approximation] = tail;
        let point_transform = approximation & 15;
        if !(1..=7).contains(&predictor) || point_transform >= precision {
            let detail = format!("predictor {predictor} with point transform {point_transform}");
            return Err(Fault::Malformed(detail));
        }
        let components = chosen
            .into_iter()
            .map(|(component, selector)| (component, selector.0))
            .collect();
        let initial = 1 << (precision - point_transform - 1);
        Ok(Self {
            components,
            predictor,
            point_transform,
            initial,
        })
    }

    fn decode(
        &self,
        scan: &Scan<'_>,
        tables: &[Option<Table>; 4],
        restart_interval: usize,
        width: usize,
        channels: usize,
        values: &mut [u16],
    ) -> Result<(), Fault> {
        let rows_a_restart = match restart_interval {
            0 => usize::MAX,
            interval if interval % width == 0 => interval / width,
            interval => {
                let detail = format!("restart interval {interval} is no multiple of the {width} columns");
                return Err(Fault::Malformed(detail));
            }
        };
        let mut bits = Bits::new(scan.data);
        let components: Vec<(usize, &Table)> = self
            .components
            .iter()
            .map(|&(component, table)| {
                Ok((component, tables[table].as_ref().ok_or_else(|| no_table(table))?))
            })
            .collect::<Result<_, Fault>>()?;
        let stride = width * channels;
        for row in 0..values.len() / stride {
            let fresh = row % rows_a_restart == 0;
            if fresh && row > 0 {
                bits.restart()?;
            }
            let (above, line) = values.split_at_mut(row * stride);
            let above = &above[above.len().saturating_sub(stride)..];
            for column in 0..width {
                for &(component, table) in &components {
                    let at = column * channels + component;
                    // Samples stay as coded; the point transform is undone at the end.
                    let left = |at: usize| i32::from(line[at - channels]);
                    let up = |at: usize| i32::from(above[at]);
                    let prediction = match (fresh, column) {
                        (true, 0) => self.initial,
                        (true, _) => left(at),
                        (false, 0) => up(at),
                        (false, _) => self.predict(left(at), up(at), up(at - channels)),
                    };
                    let difference = match bits.symbol(table)? {
                        16 => 32768,
                        size @ 0..=15 => bits.signed(size)?,
                        size => return Err(Fault::Malformed(format!("a difference of {size} bits"))),
                    };
                    // Modulo 2^16 (annex H.1.2.1).
                    line[at] = (prediction + difference) as u16;
                }
            }
        }
        if self.point_transform > 0 {
            for pixel in values.chunks_exact_mut(channels) {
                for &(component, _) in &self.components {
                    pixel[component] <<= self.point_transform;
                }
            }
        }
        Ok(())
    }

    /// Table H.1: a is left, b above, c above left.
    fn predict(&self, a: i32, b: i32, c: i32) -> i32 {
        match self.predictor {
            1 => a,
            2 => b,
            3 => c,
            4 => a + b - c,
            5 => a + ((b - c) >> 1),
            6 => b + ((a - c) >> 1),
            _ => (a + b) >> 1,
        }
    }
}

/// A component's index with its DC and AC tables.
type Choice = (usize, (usize, usize));

/// The components of a scan, each with its DC and AC table, and the three bytes after them.
pub(super) fn scan_components(
    header: &[u8],
    components: &[Component],
) -> Result<(Vec<Choice>, [u8; 3]), Fault> {
    let wrong = || Fault::Malformed("the scan header has the wrong length".to_string());
    let (&count, rest) = header.split_first().ok_or_else(wrong)?;
    let (selectors, tail) = rest.split_at_checked(2 * usize::from(count)).ok_or_else(wrong)?;
    let tail: [u8; 3] = tail.try_into().map_err(|_| wrong())?;
    if !(1..=4).contains(&count) {
        return Err(Fault::Malformed(format!("a scan of {count} components")));
    }
    let mut chosen: Vec<Choice> = Vec::new();
    for selector in selectors.chunks_exact(2) {
        let component = components
            .iter()
            .position(|component| component.id == selector[0]);
        let component =
            component.ok_or_else(|| Fault::Malformed(format!("a scan names component {}", selector[0])))?;
        let (dc, ac) = (usize::from(selector[1] >> 4), usize::from(selector[1] & 15));
        if dc > 3 || ac > 3 || chosen.iter().any(|&(other, _)| other == component) {
            return Err(Fault::Malformed(
                "a scan names a component twice, or table 4 or above".to_string(),
            ));
        }
        chosen.push((component, (dc, ac)));
    }
    Ok((chosen, tail))
}

pub(super) fn no_table(table: usize) -> Fault {
    Fault::Malformed(format!("a scan uses Huffman table {table}, which is not defined"))
}
