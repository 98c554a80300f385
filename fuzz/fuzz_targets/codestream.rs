#![no_main]
//! A JPEG-LS or JPEG 2000 frame of 48 × 40 samples in a DICOM file.

use libfuzzer_sys::fuzz_target;

const JPEG_LS: &[u8] = include_bytes!("../../crates/pleura-film/tests/codestreams/charls12.dcm");
const JPEG_2000: &[u8] = include_bytes!("../../crates/pleura-film/tests/codestreams/openjpeg12.dcm");
/// The first item, an empty or filled table of offsets.
const ITEM: [u8; 4] = [0xfe, 0xff, 0x00, 0xe0];
const END: [u8; 8] = [0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0];

fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, frame)) = bytes.split_first() else {
        return;
    };
    let file = if choice & 1 == 0 { JPEG_LS } else { JPEG_2000 };
    let Some(at) = file.windows(4).position(|part| part == ITEM) else {
        return;
    };
    let empty_table = [ITEM.as_slice(), &[0; 4]].concat();
    let length = u32::try_from(frame.len()).unwrap_or(0).to_le_bytes();
    let file = [&file[..at], &empty_table, &ITEM, &length, frame, &END].concat();
    pleura_fuzz::film::check(&file, &pleura_fuzz::film::dicom_options(choice >> 1));
});
