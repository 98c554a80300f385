#![no_main]
//! What follows a start-of-image marker.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    pleura_fuzz::film::check(
        &[b"\xff\xd8", bytes].concat(),
        &pleura_film::DecodeOptions::default(),
    );
});
