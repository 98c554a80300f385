#![no_main]
//! What follows a DICOM preamble.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // The first byte chooses options; the preamble says nothing and is left out of the corpus.
    let Some((&choice, rest)) = bytes.split_first() else {
        return;
    };
    let file = [&[0; 128], b"DICM".as_slice(), rest].concat();
    let options = pleura_fuzz::film::dicom_options(choice);
    // The header alone: identifiers, a name, a sequence of codes, and the character set.
    let wanted = [(0x0008, 0x0005), (0x0008, 0x0018), (0x0008, 0x1032), (0x0010, 0x0010)];
    let _ = pleura_film::DicomHeader::read(&file, "film", &options, &wanted);
    pleura_fuzz::film::check(&file, &options);
});
