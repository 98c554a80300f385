//! Files as scanners, archives and scripts really write them. Right values are those of pydicom 3.0.2
//! (`pydicom.pixels.apply_voi_lut`, `dcmread(force=True)`) and Pillow 12; each test names its public report.
#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test may fail like the test itself"
)]

mod dicom;
mod pictures;
