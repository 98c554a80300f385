//! A recipe's TOML: what passes the checks can be written, and means the same when it is read again.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use pleura_train::Recipe;

fuzz_target!(|text: &str| {
    let path = Path::new("recipe.toml");
    let Ok(recipe) = Recipe::parse(text, path) else {
        return;
    };
    let written = recipe.to_toml().expect("what was read can be written");
    let again = Recipe::parse(&written, path).expect("what was written can be read");
    assert_eq!(again.to_toml().expect("what was read can be written"), written);
});
