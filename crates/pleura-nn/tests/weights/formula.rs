//! Weights and films of the golden files equal those that torchvision got, bit for bit.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::golden;

const CASES: [&str; 17] = [
    "densenet121_eval_224",
    "densenet121_eval_97",
    "densenet161_eval_224",
    "densenet161_eval_97",
    "densenet169_eval_224",
    "densenet169_eval_97",
    "densenet201_eval_224",
    "densenet201_eval_97",
    "small_eval_64",
    "small_eval_65",
    "tiny_eval_33",
    "tiny_train_33",
    "small_train_64",
    "small_train_96",
    "densenet121_train_64",
    "densenet121_train_224",
    "densenet201_train_97",
];

#[test]
fn both_sides_compute_the_same_weights_and_films() {
    for case in CASES {
        let expected = golden::expected(case);
        assert_eq!(
            expected.weights().digest(),
            expected.weights_digest,
            "{case}: weights"
        );
        let films: Vec<u8> = expected
            .films()
            .iter()
            .flat_map(|grey| grey.to_le_bytes())
            .collect();
        let mut digest = String::new();
        for byte in Sha256::digest(films) {
            write!(digest, "{byte:02x}").unwrap();
        }
        assert_eq!(digest, expected.films_digest, "{case}: films");
        assert_eq!(expected.gradients.is_empty(), case.contains("eval"), "{case}");
    }
}

#[test]
fn a_summary_finds_what_is_wrong() {
    let data = [3.0, -4.0];
    let places = golden::expected("tiny_train_33");
    let mut summary = places.gradients.into_values().next().unwrap();
    summary.norm = 5.0;
    summary.sum = -1.0;
    summary.samples = [3.0; 8];
    // Samples fall on both entries, so one of them is -4 where 3 is expected.
    assert!(summary.error("x", &data) > 1.0);
    summary.samples = [3.0; 8];
    assert!(summary.error("x", &[3.0]) >= 0.4);
    assert_eq!(summary.error("x", &[3.0, f64::NAN]), f64::INFINITY);
}
