#![no_main]
//! A TIFF file, with the mark of a byte order chosen by its first byte.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((&order, rest)) = bytes.split_first() else {
        return;
    };
    let mark: &[u8] = if order & 1 == 0 { b"II*\0" } else { b"MM\0*" };
    pleura_fuzz::film::check(&[mark, rest].concat(), &pleura_film::DecodeOptions::default());
});
