//! The JSON beside a manifest.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pleura_manifest::Sidecar;

fuzz_target!(|data: &[u8]| {
    pleura_fuzz::file("sidecar.json", data);
    let manifest = pleura_fuzz::file("sidecar.csv", b"");
    let Ok(Some(sidecar)) = Sidecar::read(&manifest) else {
        return;
    };
    sidecar.write(&manifest).expect("what was read can be written");
    let again = Sidecar::read(&manifest).expect("what was written can be read");
    assert_eq!(again.map(|again| again.films), Some(sidecar.films));
});
