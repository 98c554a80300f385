//! The samples of a compressed frame.

/// A decoded frame of a JPEG 2000 or JPEG-LS codestream.
pub(super) struct Coded {
    /// `[rows, columns, components]`: the lowest `precision` bits of each sample, sign-extended if the codestream says that
    /// it is signed.
    pub(super) values: Vec<u16>,
    /// Bits of a sample, 1 to 16.
    pub(super) precision: u8,
    /// The name for the record of steps.
    pub(super) process: &'static str,
}
