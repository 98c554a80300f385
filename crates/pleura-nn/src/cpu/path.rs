//! Which instructions this machine has, and loops over rows compiled for each choice.

/// The instruction set that a backend computes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// AVX2 and FMA (x86-64 since 2013).
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Whatever the compiler makes of plain Rust for the build's target.
    Portable,
}

impl Path {
    /// The fastest path of this machine.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            return Self::Avx2;
        }
        Self::Portable
    }

    /// Name as `pleura doctor` shows it.
    pub fn name(self) -> &'static str {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => "AVX2 + FMA",
            Self::Portable => "portable",
        }
    }
}

/// Compiles a loop over slices once for each path; the body is plain Rust that the compiler can vectorise.
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
                // SAFETY: this path is chosen only where the processor has AVX2 and FMA.
                Path::Avx2 => unsafe { avx2($($argument),*) },
                Path::Portable => body($($argument),*),
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

/// One channel's norm on the way back: see [`crate::backend::NormBack`].
#[derive(Clone, Copy)]
pub(super) struct Channel {
    pub(super) scale: f32,
    pub(super) shift: f32,
    pub(super) factor: f32,
    pub(super) mean: f32,
    pub(super) inverse_deviation: f32,
}

per_path! {
    /// Gradient through `ReLU` and norm on one stretch of a row; returns `(Σ g, Σ g x̂)`.
    fn through(gradient: &[f32], x: &[f32], channel: Channel, into: &mut [f32], accumulate: bool) -> (f64, f64) {
        const LANES: usize = 16;
        let Channel { scale, shift, factor, mean, inverse_deviation } = channel;
        let mut g_sum = [0f32; LANES];
        let mut gx_sum = [0f32; LANES];
        let keep = if accumulate { 1.0f32 } else { 0.0 };
        let one = |g: f32, x: f32, into: &mut f32, g_sum: &mut f32, gx_sum: &mut f32| {
            let g = if scale * x + shift > 0.0 { g } else { 0.0 };
            *g_sum += g;
            *gx_sum += g * ((x - mean) * inverse_deviation);
            *into = keep * *into + factor * g;
        };
        let whole = gradient.len() / LANES * LANES;
        for start in (0..whole).step_by(LANES) {
            let g = &gradient[start..start + LANES];
            let x = &x[start..start + LANES];
            let into = &mut into[start..start + LANES];
            for i in 0..LANES {
                one(g[i], x[i], &mut into[i], &mut g_sum[i], &mut gx_sum[i]);
            }
        }
        for (i, place) in (whole..gradient.len()).enumerate() {
            one(gradient[place], x[place], &mut into[place], &mut g_sum[i], &mut gx_sum[i]);
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

per_path! {
    /// Writes row `r` of `[rows, columns]` into lane `r` of `[columns, lanes]`, after its norm and `ReLU`.
    fn interleave(x: &[f32], scale: f32, shift: f32, floor: f32, out: &mut [f32], lane: usize, lanes: usize) {
        for (out, &x) in out[lane..].iter_mut().step_by(lanes).zip(x) {
            *out = (scale * x + shift).max(floor);
        }
    }
}
