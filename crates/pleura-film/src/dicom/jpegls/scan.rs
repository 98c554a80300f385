//! The coded data of a scan (annex A).

use super::Fault;
use super::bits::Bits;
use super::header::{Interleave, Scan};

/// The number of contexts of regular mode.
const CONTEXTS: usize = 365;
/// J: the order of run-length codes (A.2.1).
const ORDERS: [u32; 32] = [
    0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15,
];
/// The smallest and largest correction of a prediction.
const MIN_C: i32 = -128;
const MAX_C: i32 = 127;

/// A decoded scan.
pub(super) struct Decoded {
    /// One plane for each component, `[rows, columns]`.
    pub(super) samples: Vec<Vec<u16>>,
    /// Bytes of coded data.
    pub(super) used: usize,
}

/// Decodes a scan from the bytes after its header.
pub(super) fn decode(scan: &Scan, bytes: &[u8]) -> Result<Decoded, Fault> {
    let (columns, rows, planes) = (scan.columns, scan.rows, scan.components.len());
    // A bit codes at most a run of 2^15 samples; a stream that is far too short is refused before it costs memory.
    let samples = columns * rows * planes;
    if samples / (8 << 15) > bytes.len() {
        return Err(Fault::Ends("its coded data"));
    }
    let mut samples = vec![Vec::with_capacity(columns * rows); planes];
    let mut used = 0;
    let mut line = 0;
    while line < rows {
        let lines = if scan.restart == 0 {
            rows
        } else {
            scan.restart.min(rows - line)
        };
        if line > 0 {
            used += restart_marker(&bytes[used..])?;
        }
        let mut part = Part::new(scan, &bytes[used..]);
        for _ in 0..lines {
            part.line(&mut samples)?;
        }
        used += part.bits.used();
        line += lines;
    }
    Ok(Decoded { samples, used })
}

/// The length of the restart marker at the start.
fn restart_marker(bytes: &[u8]) -> Result<usize, Fault> {
    match bytes {
        [0xff, 0xd0..=0xd7, ..] => Ok(2),
        [] | [0xff] => Err(Fault::Ends("its coded data")),
        _ => Err(Fault::Wrong(
            "no restart marker where one is announced".to_string(),
        )),
    }
}

/// The variables of a context (A.2.1).
#[derive(Clone, Copy)]
struct Context {
    a: i32,
    b: i32,
    c: i32,
    n: i32,
}

/// The variables of a context of run interruption.
#[derive(Clone, Copy)]
struct RunContext {
    a: i32,
    n: i32,
    negative: i32,
}

/// The data between two restart markers: everything begins anew.
struct Part<'a> {
    scan: &'a Scan,
    bits: Bits<'a>,
    /// RANGE, bits of a sample of RANGE values (qbpp), LIMIT.
    range: i32,
    bits_of_range: u32,
    limit: u32,
    contexts: Vec<Context>,
    interruptions: [RunContext; 2],
    /// `RUNindex` of each component (of the scan, if samples are interleaved).
    run_index: Vec<usize>,
    /// The line above and the current one of each component, with one sample before and one after.
    above: Vec<Vec<i32>>,
    current: Vec<Vec<i32>>,
}

impl<'a> Part<'a> {
    fn new(scan: &'a Scan, bytes: &'a [u8]) -> Self {
        let maximum = scan.parameters.maximum;
        let range = (maximum + 2 * scan.near) / (2 * scan.near + 1) + 1;
        let bits_for = |values: i32| 32 - (values - 1).leading_zeros();
        let bits_of_samples = bits_for(maximum + 1).max(2);
        let first = ((range + 32) / 64).max(2);
        let line = vec![vec![0; scan.columns + 2]; scan.components.len()];
        Self {
            scan,
            bits: Bits::new(bytes),
            range,
            bits_of_range: bits_for(range),
            limit: 2 * (bits_of_samples + bits_of_samples.max(8)),
            contexts: vec![
                Context {
                    a: first,
                    b: 0,
                    c: 0,
                    n: 1
                };
                CONTEXTS
            ],
            interruptions: [RunContext {
                a: first,
                n: 1,
                negative: 0,
            }; 2],
            run_index: vec![0; scan.components.len()],
            above: line.clone(),
            current: line,
        }
    }

    /// Decodes one line of every component.
    fn line(&mut self, samples: &mut [Vec<u16>]) -> Result<(), Fault> {
        let columns = self.scan.columns;
        for (above, current) in self.above.iter_mut().zip(&mut self.current) {
            // Beyond the right edge stands the last sample above; before the left edge, the one above the first.
            above[columns + 1] = above[columns];
            current[0] = above[1];
        }
        if self.scan.interleave == Interleave::Sample {
            self.interleaved_samples()?;
        } else {
            for component in 0..self.above.len() {
                self.component_line(component)?;
            }
        }
        for (plane, current) in samples.iter_mut().zip(&self.current) {
            plane.extend(current[1..=columns].iter().map(|&sample| sample as u16));
        }
        std::mem::swap(&mut self.above, &mut self.current);
        Ok(())
    }

    /// Ra, Rb, Rc, Rd of the sample at `x`, from 1.
    fn neighbours(&self, component: usize, x: usize) -> [i32; 4] {
        let (above, current) = (&self.above[component], &self.current[component]);
        [current[x - 1], above[x], above[x - 1], above[x + 1]]
    }

    /// The quantised gradients Q1, Q2, Q3; all 0 in a run.
    fn gradients(&self, [a, b, c, d]: [i32; 4]) -> [i32; 3] {
        [d - b, b - c, c - a].map(|gradient| self.quantised(gradient))
    }

    fn quantised(&self, gradient: i32) -> i32 {
        let size = gradient.abs();
        let [first, second, third] = self.scan.parameters.thresholds;
        let step = if size <= self.scan.near {
            0
        } else if size < first {
            1
        } else if size < second {
            2
        } else if size < third {
            3
        } else {
            4
        };
        if gradient < 0 { -step } else { step }
    }

    fn component_line(&mut self, component: usize) -> Result<(), Fault> {
        let columns = self.scan.columns;
        let mut x = 1;
        while x <= columns {
            let near = self.neighbours(component, x);
            let gradients = self.gradients(near);
            if gradients != [0; 3] {
                self.current[component][x] = self.regular(near, gradients)?;
                x += 1;
                continue;
            }
            let length = self.run_length(component, columns + 1 - x)?;
            let value = near[0];
            self.current[component][x..x + length].fill(value);
            x += length;
            if x <= columns {
                let [a, b, ..] = self.neighbours(component, x);
                self.current[component][x] = self.interruption(a, b, self.run_index[component])?;
                self.run_index[component] = self.run_index[component].saturating_sub(1);
                x += 1;
            }
        }
        Ok(())
    }

    /// A line of samples that are interleaved: runs are common to all components.
    fn interleaved_samples(&mut self) -> Result<(), Fault> {
        let (columns, components) = (self.scan.columns, self.above.len());
        let mut x = 1;
        while x <= columns {
            let near: Vec<[i32; 4]> = (0..components)
                .map(|component| self.neighbours(component, x))
                .collect();
            let gradients: Vec<[i32; 3]> = near.iter().map(|&near| self.gradients(near)).collect();
            if gradients.iter().any(|gradients| *gradients != [0; 3]) {
                for component in 0..components {
                    self.current[component][x] = self.regular(near[component], gradients[component])?;
                }
                x += 1;
                continue;
            }
            let length = self.run_length(0, columns + 1 - x)?;
            for (component, near) in near.iter().enumerate() {
                self.current[component][x..x + length].fill(near[0]);
            }
            x += length;
            if x <= columns {
                for component in 0..components {
                    let [a, b, ..] = self.neighbours(component, x);
                    // With interleaved samples only the first kind of interruption exists (A.7.2).
                    self.current[component][x] = self.interrupted(a, b, 0, self.run_index[0])?;
                }
                self.run_index[0] = self.run_index[0].saturating_sub(1);
                x += 1;
            }
        }
        Ok(())
    }

    /// A sample of regular mode (A.4 to A.6).
    fn regular(&mut self, [a, b, c, _]: [i32; 4], gradients: [i32; 3]) -> Result<i32, Fault> {
        let number = 81 * gradients[0] + 9 * gradients[1] + gradients[2];
        let sign = if number < 0 { -1 } else { 1 };
        let at = number.unsigned_abs() as usize;
        let maximum = self.scan.parameters.maximum;
        // The median of a, b and a + b − c.
        let edge = if c >= a.max(b) {
            a.min(b)
        } else if c <= a.min(b) {
            a.max(b)
        } else {
            a + b - c
        };
        let context = self.contexts[at];
        let predicted = (edge + sign * context.c).clamp(0, maximum);
        let k = golomb(context.n, context.a);
        let mapped = self.code(k, self.limit)?;
        let mut error = (mapped >> 1) as i32 ^ -((mapped & 1) as i32);
        if k == 0 && self.scan.near == 0 && 2 * context.b <= -context.n {
            // The bottom half of the errors is mapped first (A.5.2).
            error = -(error + 1);
        }
        self.update(at, error);
        Ok(self.reconstructed(predicted, sign * error))
    }

    /// Adds an error of prediction to a context (A.6.1, A.6.2).
    fn update(&mut self, at: usize, error: i32) {
        let (near, reset) = (self.scan.near, self.scan.parameters.reset);
        let context = &mut self.contexts[at];
        context.b += error * (2 * near + 1);
        // A stream that is no image may exceed the sum for which RESET leaves room.
        context.a = context.a.saturating_add(error.abs());
        if context.n == reset {
            context.a >>= 1;
            context.b >>= 1;
            context.n >>= 1;
        }
        context.n += 1;
        if context.b <= -context.n {
            context.b = (context.b + context.n).max(1 - context.n);
            context.c = (context.c - 1).max(MIN_C);
        } else if context.b > 0 {
            context.b = (context.b - context.n).min(0);
            context.c = (context.c + 1).min(MAX_C);
        }
    }

    /// The sample of a prediction and its quantised error (A.4.5).
    fn reconstructed(&self, predicted: i32, error: i32) -> i32 {
        let (near, maximum) = (self.scan.near, self.scan.parameters.maximum);
        let step = 2 * near + 1;
        let mut value = predicted + error * step;
        if value < -near {
            value += self.range * step;
        } else if value > maximum + near {
            value -= self.range * step;
        }
        value.clamp(0, maximum)
    }

    /// A Golomb code of order `k`, limited to `limit` bits (A.5.3).
    fn code(&mut self, k: u32, limit: u32) -> Result<u32, Fault> {
        let escape = limit - self.bits_of_range - 1;
        let zeros = self.bits.zeros(escape)?;
        let mapped = if zeros < escape {
            zeros << k | self.bits.take(k)?
        } else {
            self.bits.take(self.bits_of_range)? + 1
        };
        // Errors lie within RANGE; twice and one more is the largest mapped one.
        if mapped > 2 * self.range as u32 + 1 {
            return Err(Fault::Wrong(
                "an error of prediction beyond its range".to_string(),
            ));
        }
        Ok(mapped)
    }

    /// The length of a run, at most `most` (A.7.1).
    fn run_length(&mut self, component: usize, most: usize) -> Result<usize, Fault> {
        let mut length = 0;
        while length < most {
            let index = self.run_index[component];
            let order = ORDERS[index];
            if self.bits.take(1)? == 0 {
                length += self.bits.take(order)? as usize;
                if length > most {
                    return Err(Fault::Wrong("a run beyond the end of the line".to_string()));
                }
                return Ok(length);
            }
            let whole = 1_usize << order;
            if length + whole <= most {
                self.run_index[component] = (index + 1).min(31);
            }
            length = (length + whole).min(most);
        }
        Ok(length)
    }

    /// The sample that ends a run (A.7.2).
    fn interruption(&mut self, a: i32, b: i32, run_index: usize) -> Result<i32, Fault> {
        let kind = usize::from((a - b).abs() <= self.scan.near);
        self.interrupted(a, b, kind, run_index)
    }

    fn interrupted(&mut self, a: i32, b: i32, kind: usize, run_index: usize) -> Result<i32, Fault> {
        let context = self.interruptions[kind];
        let predicted = if kind == 1 { a } else { b };
        let sign = if kind == 0 && a > b { -1 } else { 1 };
        let total = context
            .a
            .saturating_add(if kind == 1 { context.n >> 1 } else { 0 });
        let k = golomb(context.n, total);
        let mapped = self.code(k, self.limit - ORDERS[run_index] - 1)?;
        // EMErrval = 2·|Errval| − RItype − map. If k is 0 and fewer errors were negative, map is 1 for positive
        // errors, otherwise for negative ones.
        let doubled = mapped as i32 + kind as i32;
        let map = doubled & 1;
        let size = i32::midpoint(doubled, map);
        let of_negative = k != 0 || 2 * context.negative >= context.n;
        let error = if of_negative == (map == 1) { -size } else { size };
        let context = &mut self.interruptions[kind];
        if error < 0 {
            context.negative += 1;
        }
        context.a = context.a.saturating_add((mapped as i32 + 1 - kind as i32) >> 1);
        if context.n == self.scan.parameters.reset {
            context.a >>= 1;
            context.n >>= 1;
            context.negative >>= 1;
        }
        context.n += 1;
        Ok(self.reconstructed(predicted, sign * error))
    }
}

/// The order of the Golomb code: the smallest k with n · 2^k at least `a` (A.5.1).
fn golomb(n: i32, a: i32) -> u32 {
    (0..31).find(|&k| i64::from(n) << k >= i64::from(a)).unwrap_or(31)
}
