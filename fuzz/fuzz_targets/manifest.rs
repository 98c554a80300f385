//! A manifest's CSV: what can be read can be written and read again, and is then the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pleura_manifest::Manifest;

fuzz_target!(|data: &[u8]| {
    let path = pleura_fuzz::file("manifest.csv", data);
    let Ok(manifest) = Manifest::read(&path) else {
        return;
    };
    let again = path.with_file_name("again.csv");
    manifest.write(&again).expect("what was read can be written");
    let read = Manifest::read(&again).expect("what was written can be read");
    assert_eq!(manifest, read);
    assert_eq!(manifest.digest(), read.digest());
});
