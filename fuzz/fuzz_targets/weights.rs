//! A weight file: safetensors with pleura's header.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pleura_nn::Weights;

fuzz_target!(|data: &[u8]| {
    let Ok(weights) = Weights::from_bytes(data, "fuzz") else {
        return;
    };
    let written = weights.to_bytes().expect("what was read can be written");
    let again = Weights::from_bytes(&written, "again").expect("what was written can be read");
    assert_eq!(again.digest(), weights.digest());
});
