//! The two forms of block product for any kind of register.

/// A register of `LEN` values.
///
/// Methods must be called from code that is compiled for the instructions they use, on processors that have
/// them.
pub(super) trait Register: Copy {
    const LEN: usize;
    /// # Safety
    /// See the trait.
    unsafe fn splat(value: f32) -> Self;
    /// # Safety
    /// See the trait; `from` is readable for `LEN` values.
    unsafe fn load(from: *const f32) -> Self;
    /// # Safety
    /// See the trait; `to` is writable for `LEN` values.
    unsafe fn store(self, to: *mut f32);
    /// # Safety
    /// See the trait.
    unsafe fn add(self, other: Self) -> Self;
    /// `self + a · b`.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn fused(self, a: Self, b: Self) -> Self;
}

/// `MR` rows of packed `A` against `NV` registers of columns from each offset.
///
/// # Safety
/// As [`super::Micro::run_at`], with `NV · LEN` columns; the processor has the register's instructions.
#[inline(always)]
pub(super) unsafe fn wide<V: Register, const MR: usize, const NV: usize>(
    steps: usize,
    a: *const f32,
    b: *const f32,
    offsets: *const u32,
    c: *mut f32,
    stride: usize,
    add: bool,
) {
    // SAFETY: every address is inside what the caller promises.
    unsafe {
        let mut sums = [[V::splat(0.0); NV]; MR];
        for k in 0..steps {
            let row = b.add(*offsets.add(k) as usize);
            let values: [V; NV] = std::array::from_fn(|v| V::load(row.add(V::LEN * v)));
            for (r, sum) in sums.iter_mut().enumerate() {
                let weight = V::splat(*a.add(k * MR + r));
                for (sum, value) in sum.iter_mut().zip(values) {
                    *sum = sum.fused(weight, value);
                }
            }
        }
        end(&sums, c, stride, add);
    }
}

/// Two panels of `MR` rows of packed `A` with consecutive outputs, against the one register of columns left
/// at the end of a map: together they keep the multipliers busy. Each sum has the order of [`wide`].
///
/// # Safety
/// As [`super::Micro::run_tail`]; the processor has the register's instructions.
#[inline(always)]
pub(super) unsafe fn tail<V: Register, const MR: usize>(
    steps: usize,
    a: [*const f32; 2],
    b: *const f32,
    offsets: *const u32,
    c: *mut f32,
    stride: usize,
    add: bool,
) {
    // SAFETY: every address is inside what the caller promises.
    unsafe {
        let mut sums = [[[V::splat(0.0)]; MR]; 2];
        for k in 0..steps {
            let value = V::load(b.add(*offsets.add(k) as usize));
            for (a, sums) in a.iter().zip(&mut sums) {
                for (r, [sum]) in sums.iter_mut().enumerate() {
                    *sum = sum.fused(V::splat(*a.add(k * MR + r)), value);
                }
            }
        }
        end(&sums[0], c, stride, add);
        end(&sums[1], c.add(MR * stride), stride, add);
    }
}

/// `MR` rows of `A` in place against a panel of `NV` registers of columns.
///
/// # Safety
/// As the kernels of [`super::Rows`], with `NV · LEN` columns; the processor has the register's instructions.
#[inline(always)]
pub(super) unsafe fn rows<V: Register, const MR: usize, const NV: usize>(
    steps: usize,
    a: *const f32,
    row: usize,
    step: usize,
    b: *const f32,
    c: *mut f32,
    stride: usize,
    add: bool,
) {
    // SAFETY: every address is inside what the caller promises.
    unsafe {
        let mut sums = [[V::splat(0.0); NV]; MR];
        for k in 0..steps {
            let values: [V; NV] = std::array::from_fn(|v| V::load(b.add((k * NV + v) * V::LEN)));
            for (r, sum) in sums.iter_mut().enumerate() {
                let weight = V::splat(*a.add(r * row + k * step));
                for (sum, value) in sum.iter_mut().zip(values) {
                    *sum = sum.fused(weight, value);
                }
            }
        }
        end(&sums, c, stride, add);
    }
}

/// Writes a block, or adds it to the existing values.
///
/// # Safety
/// `c` is writable for `MR` rows of `NV · LEN` values, `stride` apart; the processor has the register's
/// instructions.
#[inline(always)]
pub(super) unsafe fn end<V: Register, const MR: usize, const NV: usize>(
    sums: &[[V; NV]; MR],
    c: *mut f32,
    stride: usize,
    add: bool,
) {
    for (r, sum) in sums.iter().enumerate() {
        for (v, &value) in sum.iter().enumerate() {
            // SAFETY: inside the rows that the caller promises.
            unsafe {
                let place = c.add(r * stride + V::LEN * v);
                let value = if add { V::load(place).add(value) } else { value };
                value.store(place);
            }
        }
    }
}

/// The functions of [`super::Rows`] for one kind of register, which needs `$features`.
macro_rules! kernels {
    ($register:ty, $(#[$features:meta])* $rows:literal x $wide:literal, $panel:literal) => {
        /// # Safety
        /// As [`super::block::wide`].
        $(#[$features])*
        unsafe fn wide(
            steps: usize,
            a: *const f32,
            b: *const f32,
            offsets: *const u32,
            c: *mut f32,
            stride: usize,
            add: bool,
        ) {
            // SAFETY: the caller promises the conditions.
            unsafe { super::block::wide::<$register, $rows, $wide>(steps, a, b, offsets, c, stride, add) }
        }

        /// # Safety
        /// As [`super::block::tail`].
        $(#[$features])*
        unsafe fn tail(
            steps: usize,
            a: [*const f32; 2],
            b: *const f32,
            offsets: *const u32,
            c: *mut f32,
            stride: usize,
            add: bool,
        ) {
            // SAFETY: the caller promises the conditions.
            unsafe { super::block::tail::<$register, $rows>(steps, a, b, offsets, c, stride, add) }
        }

        /// # Safety
        /// As [`super::block::rows`].
        $(#[$features])*
        unsafe fn rows<const MR: usize>(
            steps: usize,
            a: *const f32,
            row: usize,
            step: usize,
            b: *const f32,
            c: *mut f32,
            stride: usize,
            add: bool,
        ) {
            // SAFETY: the caller promises the conditions.
            unsafe { super::block::rows::<$register, MR, $panel>(steps, a, row, step, b, c, stride, add) }
        }

        pub(super) const KERNELS: super::Kernels = super::Kernels {
            wide: super::Micro {
                rows: $rows,
                columns: $wide * <$register as super::block::Register>::LEN,
                run: wide,
                tail: <$register as super::block::Register>::LEN,
                run_tail: tail,
            },
            rows: super::Rows {
                columns: $panel * <$register as super::block::Register>::LEN,
                run: [rows::<1>, rows::<2>, rows::<3>, rows::<4>, rows::<5>, rows::<6>],
            },
        };
    };
}
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(super) use kernels;
