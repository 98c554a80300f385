//! Weights that others made: torch's archives with their pickles, and plain safetensors.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pleura_nn::weights::import::read_bytes;

fuzz_target!(|data: &[u8]| {
    let Ok(read) = read_bytes(data, "fuzz") else {
        return;
    };
    for (name, tensor) in &read.tensors {
        assert_eq!(
            tensor.data.len(),
            tensor.shape.iter().product::<usize>(),
            "{name}"
        );
    }
});
