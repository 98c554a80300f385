//! A table of predictions: what can be read can be written and read again, and is then the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pleura_eval::Predictions;

fuzz_target!(|data: &[u8]| {
    let path = pleura_fuzz::file("predictions.csv", data);
    let Ok(predictions) = Predictions::read(&path) else {
        return;
    };
    let again = path.with_file_name("again.csv");
    predictions.write(&again).expect("what was read can be written");
    assert_eq!(
        Predictions::read(&again).expect("what was written can be read"),
        predictions
    );
});
