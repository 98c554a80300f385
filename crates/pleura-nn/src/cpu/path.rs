//! Instruction sets of this machine, and loops over rows compiled for each of them.

#[cfg(target_arch = "x86_64")]
use super::lanes::Register;
use super::lanes::{Lanes, Plain};

/// The instruction set of a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// AVX-512 (servers since 2017, some desktops), only for products. Everything else is as with AVX2, which
    /// it includes.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// AVX2 and FMA (x86-64 since 2013).
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// NEON (every 64-bit ARM).
    #[cfg(target_arch = "aarch64")]
    Neon,
    /// Plain Rust, compiled for the build's target.
    Portable,
}

impl Path {
    /// The fastest instruction set of this machine.
    pub fn detect() -> Self {
        Self::available()[0]
    }

    /// All instruction sets of this machine, the fastest first.
    pub fn available() -> Vec<Self> {
        let mut paths = Vec::new();
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            if std::arch::is_x86_feature_detected!("avx512f") {
                paths.push(Self::Avx512);
            }
            paths.push(Self::Avx2);
        }
        #[cfg(target_arch = "aarch64")]
        paths.push(Self::Neon);
        paths.push(Self::Portable);
        paths
    }

    /// Name as `pleura doctor` shows it.
    pub fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => "AVX-512",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => "AVX2 + FMA",
            #[cfg(target_arch = "aarch64")]
            Self::Neon => "NEON",
            Self::Portable => "portable",
        }
    }
}

/// Compiles a loop over slices once for each instruction set. The body is plain Rust that the compiler can
/// vectorise.
macro_rules! per_path {
    ($(#[$doc:meta])* fn $name:ident($($argument:ident: $kind:ty),* $(,)?) $(-> $result:ty)? $body:block) => {
        $(#[$doc])*
        #[inline]
        pub(super) fn $name(path: Path, $($argument: $kind),*) $(-> $result)? {
            #[inline(always)]
            fn body($($argument: $kind),*) $(-> $result)? $body
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2($($argument: $kind),*) $(-> $result)? {
                body($($argument),*)
            }
            match path {
                #[cfg(target_arch = "x86_64")]
                // SAFETY: these paths are chosen only where the processor has AVX2 and FMA.
                Path::Avx2 | Path::Avx512 => unsafe { avx2($($argument),*) },
                _ => body($($argument),*),
            }
        }
    };
}

per_path! {
    /// `out = relu(scale · x + shift)`.
    fn affine_relu(x: &[f32], scale: f32, shift: f32, out: &mut [f32]) {
        for (out, &x) in out.iter_mut().zip(x) {
            *out = (scale * x + shift).max(0.0);
        }
    }
}

per_path! {
    /// `(Σ x, Σ x²)` in double precision, in a fixed order.
    fn sums(x: &[f32]) -> (f64, f64) {
        let mut sum = [0f64; 8];
        let mut square = [0f64; 8];
        let chunks = x.chunks_exact(8);
        let rest = chunks.remainder();
        for chunk in chunks {
            for i in 0..8 {
                let value = f64::from(chunk[i]);
                sum[i] += value;
                square[i] += value * value;
            }
        }
        for (i, &value) in rest.iter().enumerate() {
            let value = f64::from(value);
            sum[i] += value;
            square[i] += value * value;
        }
        (sum.iter().sum(), square.iter().sum())
    }
}

/// The norm of one channel for the backward pass: see [`crate::backend::NormBackward`].
#[derive(Clone, Copy)]
pub(super) struct Channel {
    pub(super) scale: f32,
    pub(super) shift: f32,
    pub(super) factor: f32,
    pub(super) mean: f32,
    pub(super) inverse_deviation: f32,
}

per_path! {
    /// The gradient through `ReLU` and norm on one stretch of a row. Returns `(Σ g, Σ g x̂)`.
    fn through(gradient: &[f32], x: &[f32], channel: Channel, into: &mut [f32], accumulate: bool) -> (f64, f64) {
        const LANES: usize = 16;
        let Channel { scale, shift, factor, mean, inverse_deviation } = channel;
        let mut g_sum = [0f32; LANES];
        let mut gx_sum = [0f32; LANES];
        let one = |g: f32, x: f32, g_sum: &mut f32, gx_sum: &mut f32| {
            let g = if scale * x + shift > 0.0 { g } else { 0.0 };
            *g_sum += g;
            *gx_sum += g * ((x - mean) * inverse_deviation);
            factor * g
        };
        let whole = gradient.len() / LANES * LANES;
        // A new map is not read first: its pages do not exist yet, and would be mapped twice, for reading and
        // for writing.
        if accumulate {
            for start in (0..whole).step_by(LANES) {
                let (g, x) = (&gradient[start..start + LANES], &x[start..start + LANES]);
                let into = &mut into[start..start + LANES];
                for i in 0..LANES {
                    into[i] += one(g[i], x[i], &mut g_sum[i], &mut gx_sum[i]);
                }
            }
        } else {
            for start in (0..whole).step_by(LANES) {
                let (g, x) = (&gradient[start..start + LANES], &x[start..start + LANES]);
                let into = &mut into[start..start + LANES];
                for i in 0..LANES {
                    into[i] = one(g[i], x[i], &mut g_sum[i], &mut gx_sum[i]);
                }
            }
        }
        for (i, place) in (whole..gradient.len()).enumerate() {
            let value = one(gradient[place], x[place], &mut g_sum[i], &mut gx_sum[i]);
            into[place] = if accumulate { into[place] + value } else { value };
        }
        let total = |lanes: &[f32; LANES]| lanes.iter().map(|&lane| f64::from(lane)).sum::<f64>();
        (total(&g_sum), total(&gx_sum))
    }
}

per_path! {
    /// `g ← a · (g − g_mean) + b · (x − mean)`.
    fn correct(g: &mut [f32], x: &[f32], a: f32, g_mean: f32, b: f32, mean: f32) {
        for (g, &x) in g.iter_mut().zip(x) {
            *g = a * (*g - g_mean) + b * (x - mean);
        }
    }
}

/// Cuts one row into panels of `width` columns (a multiple of eight), `stride` apart, after norm and `ReLU`.
/// Columns behind the row's end are unchanged.
pub(super) fn panels(
    path: Path,
    x: &[f32],
    prologue: Prologue,
    out: &mut [f32],
    width: usize,
    stride: usize,
) {
    #[inline(always)]
    fn body<L: Lanes>(x: &[f32], prologue: Prologue, out: &mut [f32], width: usize, stride: usize) {
        let Prologue { scale, shift, floor } = prologue;
        let whole = x.chunks_exact(width);
        let rest = whole.remainder();
        let end = (x.len() - rest.len()) / width * stride;
        for (x, out) in whole.zip(out.chunks_mut(stride)) {
            for (x, out) in x.chunks_exact(8).zip(out.chunks_exact_mut(8)) {
                L::load(x).scaled(scale, shift, floor).store(out);
            }
        }
        if !rest.is_empty() {
            for (out, &x) in out[end..].iter_mut().zip(rest) {
                *out = (scale * x + shift).max(floor);
            }
        }
    }
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    fn avx2(x: &[f32], prologue: Prologue, out: &mut [f32], width: usize, stride: usize) {
        body::<Register>(x, prologue, out, width, stride);
    }
    match path {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: this path is chosen only where the processor has AVX2 and FMA.
        Path::Avx2 | Path::Avx512 => unsafe { avx2(x, prologue, out, width, stride) },
        _ => body::<Plain>(x, prologue, out, width, stride),
    }
}

per_path! {
    /// Every `stride`th value, from the first on, until values or space end.
    fn every(values: &[f32], stride: usize, out: &mut [f32]) {
        if stride == 2 {
            // The stems' stride: pairs are read whole.
            let pairs = values.chunks_exact(2);
            let rest = pairs.remainder();
            let count = pairs.len();
            for (out, pair) in out.iter_mut().zip(pairs) {
                *out = pair[0];
            }
            if let (Some(last), Some(out)) = (rest.first(), out.get_mut(count)) {
                *out = *last;
            }
        } else {
            for (out, value) in out.iter_mut().zip(values.iter().step_by(stride)) {
                *out = *value;
            }
        }
    }
}

per_path! {
    /// The maximum of two rows, value by value, into the second.
    fn larger(values: &[f32], best: &mut [f32]) {
        for (best, value) in best.iter_mut().zip(values) {
            *best = if *value > *best { *value } else { *best };
        }
    }
}

per_path! {
    /// Where a value is larger than the best so far, stores it and `number`.
    fn better(values: &[f32], number: f32, best: &mut [f32], name: &mut [f32]) {
        for ((best, name), value) in best.iter_mut().zip(name).zip(values) {
            let larger = *value > *best;
            *best = if larger { *value } else { *best };
            *name = if larger { number } else { *name };
        }
    }
}

per_path! {
    /// Writes a row into lane `lane` of `[columns, lanes]`, after its norm and `ReLU`.
    fn interleave(x: &[f32], scale: f32, shift: f32, floor: f32, out: &mut [f32], lane: usize, lanes: usize) {
        for (out, &x) in out[lane..].iter_mut().step_by(lanes).zip(x) {
            *out = (scale * x + shift).max(floor);
        }
    }
}

/// Norm and `ReLU` of one row, or neither: `max(scale · x + shift, floor)`.
#[derive(Clone, Copy)]
pub(super) struct Prologue {
    pub(super) scale: f32,
    pub(super) shift: f32,
    pub(super) floor: f32,
}

/// Writes eight rows of equal length into lanes `0..8` of `[columns, lanes]`, or with four lanes into two
/// such panels, `out` and `second`.
pub(super) fn interleave8(
    path: Path,
    rows: [&[f32]; 8],
    prologues: [Prologue; 8],
    out: &mut [f32],
    second: Option<&mut [f32]>,
    lanes: usize,
) {
    let columns = rows[0].len();
    assert!(
        rows.iter().all(|row| row.len() == columns),
        "rows of different lengths"
    );
    let needed = columns.saturating_sub(1) * lanes + if second.is_some() { 4 } else { 8 };
    assert!(columns == 0 || out.len() >= needed, "a panel too short");
    assert!(
        columns == 0 || second.as_ref().is_none_or(|second| second.len() >= needed),
        "a panel too short"
    );
    match path {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: this path is chosen only where the processor has AVX2; the lengths were just checked.
        Path::Avx2 | Path::Avx512 => unsafe { transpose::interleave8(rows, prologues, out, second, lanes) },
        _ => interleave8_plain(rows, prologues, out, second, lanes),
    }
}

/// Transposes `columns` `[count, 8]` to eight rows of `count` values, `stride` apart.
pub(super) fn spread8(path: Path, columns: &[f32], out: &mut [f32], stride: usize) {
    let count = columns.len() / 8;
    assert!(out.len() >= 7 * stride + count, "rows too short");
    match path {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: this path is chosen only where the processor has AVX2; the lengths were just checked.
        Path::Avx2 | Path::Avx512 => unsafe { transpose::spread8(columns, out, stride) },
        _ => {
            for (place, column) in columns.chunks_exact(8).enumerate() {
                for (lane, value) in column.iter().enumerate() {
                    out[lane * stride + place] = *value;
                }
            }
        }
    }
}

/// [`interleave8`] in plain Rust.
fn interleave8_plain(
    rows: [&[f32]; 8],
    prologues: [Prologue; 8],
    out: &mut [f32],
    mut second: Option<&mut [f32]>,
    lanes: usize,
) {
    for (lane, (row, Prologue { scale, shift, floor })) in rows.into_iter().zip(prologues).enumerate() {
        let (panel, lane) = match &mut second {
            Some(second) if lane >= 4 => (&mut **second, lane - 4),
            _ => (&mut *out, lane),
        };
        for (column, &x) in row.iter().enumerate() {
            panel[column * lanes + lane] = (scale * x + shift).max(floor);
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod transpose {
    use std::arch::x86_64::{
        __m256, __m256i, _mm_storeu_ps, _mm256_add_ps, _mm256_castps256_ps128, _mm256_cmpgt_epi32,
        _mm256_extractf128_ps, _mm256_loadu_ps, _mm256_maskload_ps, _mm256_maskstore_ps, _mm256_max_ps,
        _mm256_mul_ps, _mm256_permute2f128_ps, _mm256_set1_epi32, _mm256_set1_ps, _mm256_setr_epi32,
        _mm256_shuffle_ps, _mm256_storeu_ps, _mm256_unpackhi_ps, _mm256_unpacklo_ps,
    };

    use super::Prologue;

    /// Transposes squares of eight by eight in registers.
    ///
    /// # Safety
    /// The processor has AVX2; all rows have the length of the first; `out` (and `second`) hold `lanes`
    /// values a column, the last column eight (four).
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn interleave8(
        rows: [&[f32]; 8],
        prologues: [Prologue; 8],
        out: &mut [f32],
        mut second: Option<&mut [f32]>,
        lanes: usize,
    ) {
        let columns = rows[0].len();
        let whole = columns / 8 * 8;
        for start in (0..whole).step_by(8) {
            let mut square: [__m256; 8] = [_mm256_set1_ps(0.0); 8];
            for (square, (row, Prologue { scale, shift, floor })) in
                square.iter_mut().zip(rows.iter().zip(prologues))
            {
                // SAFETY: `start + 8 <= whole <= row.len()`.
                let x = unsafe { _mm256_loadu_ps(row.as_ptr().add(start)) };
                let x = _mm256_add_ps(_mm256_mul_ps(_mm256_set1_ps(scale), x), _mm256_set1_ps(shift));
                *square = _mm256_max_ps(x, _mm256_set1_ps(floor));
            }
            let turned = turn(square);
            for (column, &values) in (start..).zip(&turned) {
                // SAFETY: the caller promises `lanes` values a column in each panel.
                unsafe { put(column, values, out, second.as_deref_mut(), lanes) };
            }
        }
        if whole == columns {
            return;
        }
        let rest = columns - whole;
        let mask = mask(rest);
        let mut square: [__m256; 8] = [_mm256_set1_ps(0.0); 8];
        for (square, (row, Prologue { scale, shift, floor })) in
            square.iter_mut().zip(rows.iter().zip(prologues))
        {
            // SAFETY: the mask selects only the row's last values.
            let x = unsafe { _mm256_maskload_ps(row.as_ptr().add(whole), mask) };
            let x = _mm256_add_ps(_mm256_mul_ps(_mm256_set1_ps(scale), x), _mm256_set1_ps(shift));
            *square = _mm256_max_ps(x, _mm256_set1_ps(floor));
        }
        for (column, &values) in (whole..).zip(&turn(square)[..rest]) {
            // SAFETY: as above.
            unsafe { put(column, values, out, second.as_deref_mut(), lanes) };
        }
    }

    /// Writes a column's eight lanes.
    ///
    /// # Safety
    /// The processor has AVX2; each panel has space for the column's lanes.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn put(column: usize, values: __m256, out: &mut [f32], second: Option<&mut [f32]>, lanes: usize) {
        // SAFETY: the caller promises the space.
        unsafe {
            match second {
                None => _mm256_storeu_ps(out.as_mut_ptr().add(column * lanes), values),
                Some(second) => {
                    _mm_storeu_ps(
                        out.as_mut_ptr().add(column * lanes),
                        _mm256_castps256_ps128(values),
                    );
                    _mm_storeu_ps(
                        second.as_mut_ptr().add(column * lanes),
                        _mm256_extractf128_ps::<1>(values),
                    );
                }
            }
        }
    }

    /// A mask for the first `count` lanes.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn mask(count: usize) -> __m256i {
        _mm256_cmpgt_epi32(
            _mm256_set1_epi32(count as i32),
            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7),
        )
    }

    /// `[columns, 8]` to eight rows, `stride` apart.
    ///
    /// # Safety
    /// The processor has AVX2; `out` holds eight rows of `columns` values, `stride` apart.
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn spread8(columns: &[f32], out: &mut [f32], stride: usize) {
        let count = columns.len() / 8;
        for start in (0..count).step_by(8) {
            let inside = (count - start).min(8);
            let mut square: [__m256; 8] = [_mm256_set1_ps(0.0); 8];
            for (square, column) in square.iter_mut().zip(columns[start * 8..].chunks_exact(8)) {
                // SAFETY: a chunk has eight values.
                *square = unsafe { _mm256_loadu_ps(column.as_ptr()) };
            }
            for (lane, values) in turn(square).into_iter().enumerate() {
                // SAFETY: the caller promises `count` values a row; the mask stops at the row's end.
                unsafe {
                    let to = out.as_mut_ptr().add(lane * stride + start);
                    if inside == 8 {
                        _mm256_storeu_ps(to, values);
                    } else {
                        _mm256_maskstore_ps(to, mask(inside), values);
                    }
                }
            }
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn turn(rows: [__m256; 8]) -> [__m256; 8] {
        let pair = |a: usize, b: usize| {
            (
                _mm256_unpacklo_ps(rows[a], rows[b]),
                _mm256_unpackhi_ps(rows[a], rows[b]),
            )
        };
        let ((a0, a1), (a2, a3), (a4, a5), (a6, a7)) = (pair(0, 1), pair(2, 3), pair(4, 5), pair(6, 7));
        let b0 = _mm256_shuffle_ps::<0x44>(a0, a2);
        let b1 = _mm256_shuffle_ps::<0xEE>(a0, a2);
        let b2 = _mm256_shuffle_ps::<0x44>(a1, a3);
        let b3 = _mm256_shuffle_ps::<0xEE>(a1, a3);
        let b4 = _mm256_shuffle_ps::<0x44>(a4, a6);
        let b5 = _mm256_shuffle_ps::<0xEE>(a4, a6);
        let b6 = _mm256_shuffle_ps::<0x44>(a5, a7);
        let b7 = _mm256_shuffle_ps::<0xEE>(a5, a7);
        [
            _mm256_permute2f128_ps::<0x20>(b0, b4),
            _mm256_permute2f128_ps::<0x20>(b1, b5),
            _mm256_permute2f128_ps::<0x20>(b2, b6),
            _mm256_permute2f128_ps::<0x20>(b3, b7),
            _mm256_permute2f128_ps::<0x31>(b0, b4),
            _mm256_permute2f128_ps::<0x31>(b1, b5),
            _mm256_permute2f128_ps::<0x31>(b2, b6),
            _mm256_permute2f128_ps::<0x31>(b3, b7),
        ]
    }
}
