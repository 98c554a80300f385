#![no_main]
//! What follows a PNG signature.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    pleura_fuzz::film::check(
        &[b"\x89PNG\r\n\x1a\n", bytes].concat(),
        &pleura_film::DecodeOptions::default(),
    );
});
