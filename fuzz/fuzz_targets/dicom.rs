#![no_main]
//! What follows a DICOM preamble.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // The first byte chooses options; the preamble says nothing and is left out of the corpus.
    let Some((&choice, rest)) = bytes.split_first() else {
        return;
    };
    let file = [&[0; 128], b"DICM".as_slice(), rest].concat();
    pleura_fuzz::film::check(&file, &pleura_fuzz::film::dicom_options(choice));
});
