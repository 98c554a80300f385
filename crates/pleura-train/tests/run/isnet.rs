//! Training with a heatmap loss: measured bounds, relevance inside the masks, stop and resume.

use std::ops::ControlFlow;

use image::GrayImage;
use pleura_train::{Error, Event, Observer, Plan, Recipe, Silent};

use crate::films::{At, Place, RECIPE, assert_equal_results, masked, results};

/// The second stage once more, with the first one as the plain network and `isnet` in it.
fn recipe(isnet: &str) -> String {
    let stages = RECIPE.find("[[stage]]").unwrap();
    format!(
        r#"{}
[[stage]]
name = "plain"
kind = "exclusive"
manifest = "target.csv"
epochs = 2
batch = 5
learning_rate = 0.05

[[stage]]
name = "isnet"
kind = "exclusive"
manifest = "target.csv"
start = "random"
epochs = 2
batch = 5
learning_rate = 0.02
augmentation = {{ rotate_degrees = 10.0, translate_pixels = 8.0, flip = 0.5 }}
checkpoint_every = 2
{isnet}
"#,
        &RECIPE[..stages]
    )
}

/// A place whose films have masks: the middle of each.
fn place(isnet: &str) -> Place {
    let place = Place::new();
    masked(&place, "mask", 10..30, "target.csv");
    std::fs::write(place.path("recipe.toml"), recipe(isnet)).unwrap();
    place
}

fn lines(place: &Place, out: &str, event: &str) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(place.path(out).join("log.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|line| line["stage"] == "isnet" && line["event"] == event)
        .collect()
}

#[test]
fn bounds_are_measured_and_the_log_has_the_parts() {
    for maps in ["classes", "selective"] {
        let place = place(&format!(
            "isnet = {{ plain = \"stage:plain\", maps = \"{maps}\", P = 0.6 }}"
        ));
        place.run("run", &mut Silent).unwrap();
        let bounds = std::fs::read_to_string(place.path("run/stages/isnet/isnet.json")).unwrap();
        let bounds: serde_json::Value = serde_json::from_str(&bounds).unwrap();
        let number = |value: &serde_json::Value| value.as_f64().unwrap();
        let (c1, c2, mean) = (
            number(&bounds["C1"]),
            number(&bounds["C2"]),
            number(&bounds["measured"]["mean"]),
        );
        assert!(
            c1 > 0.0 && c1 < mean && c2 > mean && c2 <= 25.001 * c1,
            "{bounds}"
        );
        assert_eq!(bounds["measured"]["films"], 14);
        let resolved = Recipe::read(&place.path("run/recipe.toml")).unwrap();
        assert_eq!(resolved.stages[1].gradient_clip, Some(1.0));
        assert!(resolved.stages[1].isnet.as_ref().unwrap().c1.is_none());

        let steps = lines(&place, "run", "step");
        assert_eq!(steps.len(), 6);
        for step in &steps {
            let parts = &step["parts"];
            let whole = 0.4 * number(&parts["cross_entropy"])
                + 0.6 * (number(&parts["l1"]) + 3.0 * number(&parts["l2"]));
            let loss = number(&step["loss"]);
            assert!((whole - loss).abs() < 1e-9 * whole.abs(), "{step}");
            assert!(number(&parts["l1"]) > 0.0);
        }
        for epoch in lines(&place, "run", "epoch") {
            let parts = &epoch["validation_parts"];
            let whole = 0.4 * number(&parts["cross_entropy"])
                + 0.6 * (number(&parts["l1"]) + 3.0 * number(&parts["l2"]));
            assert!((whole - number(&epoch["validation_loss"])).abs() < 1e-9 * whole);
        }
    }
}

#[test]
fn relevance_outside_the_masks_falls() {
    let place = place("isnet = { P = 0.9, plain = \"stage:plain\" }");
    let text = std::fs::read_to_string(place.path("recipe.toml")).unwrap();
    let (few, many) = (
        "start = \"random\"\nepochs = 2",
        "start = \"random\"\nepochs = 20",
    );
    assert!(text.contains(few));
    std::fs::write(place.path("recipe.toml"), text.replace(few, many)).unwrap();
    place.run("run", &mut Silent).unwrap();
    let found: Vec<f64> = lines(&place, "run", "step")
        .iter()
        .map(|line| line["parts"]["l1"].as_f64().unwrap())
        .collect();
    let mean = |steps: &[f64]| steps.iter().sum::<f64>() / steps.len() as f64;
    let (first, last) = (mean(&found[..6]), mean(&found[54..]));
    assert!(last < 0.8 * first, "{first} {last}: {found:?}");
}

#[test]
fn what_is_stopped_is_resumed_with_equal_bits() {
    let place = place("isnet = { plain = \"stage:plain\", maps = \"selective\" }");
    place.run("whole", &mut Silent).unwrap();
    let expected = results(&place.path("whole"));
    let mut events = At::new(usize::MAX, || ControlFlow::Continue(()));
    place.run("counted", &mut events).unwrap();
    let all = events.seen;
    assert!(all > 20, "{all}");
    for at in (3..all).step_by(4) {
        let out = format!("stopped{at}");
        let mut observer = At::new(at, || ControlFlow::Break(()));
        place.run(&out, &mut observer).unwrap();
        place.run(&out, &mut Silent).unwrap();
        assert_equal_results(&place.path(&out), &expected, &format!("stopped at event {at}"));
    }
}

/// Breaks off at the third step of the stage with heatmaps.
struct ThirdStep(usize);

impl Observer for ThirdStep {
    fn notice(&mut self, event: &Event<'_>) -> ControlFlow<()> {
        if let Event::Step(step) = event
            && step.stage == "isnet"
        {
            self.0 += 1;
        }
        if self.0 == 3 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

#[test]
fn masks_that_are_missing_empty_or_changed_are_named() {
    let place = place("isnet = {}");
    let manifest = std::fs::read_to_string(place.path("target.csv")).unwrap();
    std::fs::write(
        place.path("target.csv"),
        manifest.replacen("mask-film3.png", "", 1),
    )
    .unwrap();
    let text = Plan::new(&place.recipe(), None).unwrap_err().to_string();
    for part in ["target.csv", "row 5", "lung_mask", "\"film3\"", "1 of 18"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    std::fs::write(place.path("target.csv"), &manifest).unwrap();

    let mask = std::fs::read(place.path("mask-film3.png")).unwrap();
    GrayImage::new(40, 40).save(place.path("mask-film3.png")).unwrap();
    let text = place.run("run", &mut Silent).unwrap_err().to_string();
    assert!(text.contains("mask-film3.png: nothing is marked"), "{text}");
    std::fs::remove_file(place.path("mask-film3.png")).unwrap();
    let text = place.run("run", &mut Silent).unwrap_err().to_string();
    assert!(
        text.contains("row 5") && text.contains("mask-film3.png"),
        "{text}"
    );

    std::fs::write(place.path("mask-film3.png"), &mask).unwrap();
    place.run("run", &mut ThirdStep(0)).unwrap();
    GrayImage::from_fn(40, 40, |x, _| image::Luma([u8::from(x > 9)]))
        .save(place.path("mask-film3.png"))
        .unwrap();
    let error = place.run("run", &mut Silent).unwrap_err();
    assert!(
        matches!(error, Error::Changed { .. }) && error.to_string().contains("lung masks"),
        "{error}"
    );
}

#[test]
fn what_an_isnet_table_cannot_mean_is_refused_with_its_line() {
    for (isnet, parts) in [
        ("isnet = { P = 1.0 }", ["isnet.P", "less than 1"]),
        ("isnet = { C1 = 30.0 }", ["isnet.C2", "C1 (30)"]),
        ("isnet = { d = 1.5 }", ["isnet.d", "0 to 1"]),
        ("isnet = { plain = \"random\" }", ["isnet.plain", "stage:NAME"]),
        (
            "isnet = { plain = \"stage:later\" }",
            ["isnet.plain", "no earlier stage"],
        ),
        (
            "isnet = { plain = \"stage:plain\", C1 = 2.0 }",
            ["isnet.plain", "not both"],
        ),
        ("isnet = { Q = 1 }", ["unknown field", "`Q`"]),
        ("isnet = { maps = \"some\" }", ["some", "selective"]),
    ] {
        let place = Place::new();
        std::fs::write(place.path("recipe.toml"), recipe(isnet)).unwrap();
        let text = Recipe::read(&place.path("recipe.toml")).unwrap_err().to_string();
        for part in parts {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
    let place = place("findings = [\"normal\", \"round\"]\nisnet = { plain = \"stage:plain\" }");
    let text = Plan::new(&place.recipe(), None).unwrap_err().to_string();
    assert!(text.contains("isnet.plain") && text.contains("striped"), "{text}");
}
