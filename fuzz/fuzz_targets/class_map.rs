//! The rule that makes exclusive classes of findings: what is printed reads as the same rule.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pleura_datasets::ClassMap;

fuzz_target!(|text: &str| {
    let Ok(map) = text.parse::<ClassMap>() else { return };
    let again = map.to_string().parse::<ClassMap>();
    assert_eq!(again.expect("what is printed can be read"), map);
});
