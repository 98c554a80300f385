#![no_main]
//! The bytes after the two letters of a BMP file.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    pleura_fuzz::film::check(
        &[b"BM", bytes].concat(),
        &pleura_film::DecodeOptions::default(),
    );
});
