#![no_main]
//! The bytes after the header of a WebP file.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    pleura_fuzz::film::check(
        &[b"RIFF\0\0\0\0WEBP", bytes].concat(),
        &pleura_film::DecodeOptions::default(),
    );
});
