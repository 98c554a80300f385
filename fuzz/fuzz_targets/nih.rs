//! ChestX-ray14's label file and official lists, cut at zero bytes: table, training list, test list.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pleura_datasets::adapters::Dataset;

fuzz_target!(|data: &[u8]| {
    let [table, training, test] = pleura_fuzz::parts(data);
    let path = pleura_fuzz::file("nih/Data_Entry_2017.csv", table);
    pleura_fuzz::file("nih/train_val_list.txt", training);
    pleura_fuzz::file("nih/test_list.txt", test);
    pleura_fuzz::file("nih/images/00000001_000.png", b"");
    let source = Dataset::by_name("nih").expect("the adapter is in the table");
    let folder = path.parent().expect("a file lies in a folder");
    if let Ok(reading) = (source.read)(folder, "nih") {
        assert!(reading.records.len() <= reading.listed);
    }
});
