//! Sampled epochs: recorded, reproducible, resumed with equal bits.

use std::ops::ControlFlow;

use pleura_train::Silent;
use serde_json::Value;

use crate::films::{At, Place, RECIPE, assert_equal_results, results};

fn place(sampling: &str) -> Place {
    let place = Place::new();
    let recipe = RECIPE.replace(
        "class_weights = \"balanced\"",
        &format!("augmentation = {{ rotate_degrees = 10.0 }}\n{sampling}"),
    );
    std::fs::write(place.path("recipe.toml"), recipe).unwrap();
    place
}

#[test]
fn a_sampled_stage_records_its_effect_and_resumes_with_equal_bits() {
    let place = place("sampling = { balance = [\"class\", \"source\"], max_repeat = 3.0 }");
    place.run("whole", &mut Silent).unwrap();
    let expected = results(&place.path("whole"));
    let data: Value = serde_json::from_slice(&expected["stages/target/data.json"]).unwrap();
    let effect = &data["sampling"];
    for share in effect["class_shares"].as_array().unwrap() {
        assert!((share.as_f64().unwrap() - 1.0 / 3.0).abs() < 1e-9, "{effect}");
    }
    assert_eq!(effect["attributes"][0]["name"], "source");
    assert!(data["sampling"]["largest_repeat"].as_f64().unwrap() <= 3.0);
    // The independent stage draws each film once.
    let first: Value = serde_json::from_slice(&expected["stages/findings/data.json"]).unwrap();
    assert_eq!(first["sampling"], Value::Null);

    let mut stops = 0;
    while place
        .run("stopped", &mut At::new(9, || ControlFlow::Break(())))
        .unwrap()
        .stopped
        .is_some()
    {
        stops += 1;
        assert!(stops < 100, "no progress");
    }
    assert!(stops > 2, "only {stops} stops");
    assert_equal_results(&place.path("stopped"), &expected, "stopped again and again");
}

#[test]
fn contradictions_are_refused_with_their_line() {
    for (sampling, says) in [
        ("sampling = { balance = [] }", "expected different names"),
        (
            "sampling = { balance = [\"view\"], max_repeat = 0.5 }",
            "expected 1 or more",
        ),
        (
            "sampling = { balance = [\"scanner\"] }",
            "no attribute \"scanner\"",
        ),
        (
            "class_weights = \"balanced\"\nsampling = { balance = [\"class\"] }",
            "do the same",
        ),
    ] {
        let place = place(sampling);
        let error = match pleura_train::Recipe::read(&place.path("recipe.toml")) {
            Err(error) => error.to_string(),
            Ok(_) => place.run("out", &mut Silent).unwrap_err().to_string(),
        };
        assert!(error.contains(says) && error.contains("sampling"), "{error}");
    }
    // Independent findings have no class.
    let place = Place::new();
    let recipe = RECIPE.replace(
        "positive_weights = \"balanced\"",
        "sampling = { balance = [\"view\"] }",
    );
    std::fs::write(place.path("recipe.toml"), recipe).unwrap();
    let error = pleura_train::Recipe::read(&place.path("recipe.toml"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("exclusive classes"), "{error}");
}
