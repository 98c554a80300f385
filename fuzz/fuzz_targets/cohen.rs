//! The metadata of covid-chestxray-dataset, old and new.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pleura_datasets::adapters::Dataset;

fuzz_target!(|data: &[u8]| {
    let path = pleura_fuzz::file("cohen/metadata.csv", data);
    pleura_fuzz::file(
        "cohen/images/auntminnie-a-2020_01_28_23_51_6665_2020_01_28_Vietnam_coronavirus.jpeg",
        b"",
    );
    let source = Dataset::by_name("cohen").expect("the adapter is in the table");
    let folder = path.parent().expect("a file lies in a folder");
    if let Ok(reading) = (source.read)(folder, "cohen") {
        assert!(reading.records.len() <= reading.listed);
    }
});
