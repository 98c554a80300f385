//! A package: an archive that is read is the one that would be written, and no document makes the reader
//! fall.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pleura_package::{Package, archive};
use sha2::Digest as _;

/// Entries that a package has, so that what is drawn gets past the names.
const NAMES: [&str; 12] = [
    "model.json",
    "contract.json",
    "calibration.json",
    "training.json",
    "metrics.json",
    "audit.json",
    "card.json",
    "golden.json",
    "golden/1.png",
    "golden.safetensors",
    "reference.safetensors",
    "weights.safetensors",
];

fuzz_target!(|data: &[u8]| {
    if let Ok(found) = archive::read(data, "fuzz") {
        let entries: Vec<(String, Vec<u8>)> = found
            .into_iter()
            .map(|(name, place)| (name, data[place].to_vec()))
            .collect();
        assert_eq!(archive::write(&entries).expect("what was read can be written"), data);
    }
    // The same bytes as documents, under an index that lists them rightly: checksums would stop them all
    // otherwise.
    let mut entries: Vec<(String, Vec<u8>)> = Vec::new();
    for (name, part) in NAMES.iter().zip(data.split(|&byte| byte == 0)) {
        entries.push(((*name).to_owned(), part.to_vec()));
    }
    let listed: Vec<String> = entries
        .iter()
        .map(|(name, bytes)| {
            let digest: String = sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            format!(r#"{{"name":"{name}","bytes":{},"sha256":"{digest}"}}"#, bytes.len())
        })
        .collect();
    let index = format!(
        r#"{{"format":"pleura-package","schema":1,"software":"fuzz","notice":"","entries":[{}]}}"#,
        listed.join(",")
    );
    entries.insert(0, ("package.json".to_owned(), index.into_bytes()));
    let bytes = archive::write(&entries).expect("sound names");
    let _ = Package::from_bytes(&bytes, "fuzz");
});
