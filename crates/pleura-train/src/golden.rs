//! Reference numbers from PyTorch (`tests/golden/make.py`), for the tests of this crate.

use serde_json::Value;

/// The goldens under a path of keys.
pub(crate) fn golden(keys: &[&str]) -> Value {
    let mut value: Value = serde_json::from_str(include_str!("../tests/golden/goldens.json")).unwrap();
    for key in keys {
        value = value[*key].take();
        assert!(!value.is_null(), "no golden {keys:?}");
    }
    value
}

pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|value| value.as_f64().unwrap())
        .collect()
}

/// The inputs of the goldens: sin(a·i + b), rounded to f32.
pub(crate) fn wave(count: usize, a: f64, b: f64) -> Vec<f32> {
    (0..count).map(|i| (a * i as f64 + b).sin() as f32).collect()
}

pub(crate) fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!(
            (found - expected).abs() <= tolerance * expected.abs().max(1e-3),
            "number {index}: {found} is not {expected}"
        );
    }
}
