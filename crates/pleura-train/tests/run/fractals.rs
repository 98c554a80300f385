//! Stages of fractals: they learn, resume, pass their weights on, and refuse impossible options.

use std::ops::ControlFlow;

use pleura_train::{Event, Observer, Options, Recipe, Silent, run};

use crate::films::{At, Place, RECIPE, SOURCE, assert_equal_results, results};

fn with_source() -> String {
    let stages = RECIPE.find("[[stage]]").unwrap();
    format!("{}{SOURCE}{}", &RECIPE[..stages], &RECIPE[stages..])
}

fn place(recipe: &str) -> Place {
    let place = Place::new();
    std::fs::write(place.path("recipe.toml"), recipe).unwrap();
    place
}

/// The accuracies of a stage's epochs.
struct Accuracies(Vec<f64>);

impl Observer for Accuracies {
    fn notice(&mut self, event: &Event<'_>) -> ControlFlow<()> {
        if let Event::Epoch(end) = event {
            self.0.extend(end.accuracy);
        }
        ControlFlow::Continue(())
    }
}

#[test]
fn a_small_network_tells_held_out_instances_apart() {
    let stages = RECIPE.find("[[stage]]").unwrap();
    let recipe = RECIPE[..stages]
        .replace("channels = 6", "channels = 8")
        .replace("growth = 4", "growth = 8")
        .replace("blocks = [2, 2]", "blocks = [3, 3]")
        .replace("size = 32", "size = 48")
        + r#"
[[stage]]
name = "fractals"
kind = "exclusive"
epochs = 6
batch = 8
learning_rate = 1e-2
optimiser = { kind = "adamw" }
schedule = { kind = "cosine" }

[stage.fractals]
classes = 8
instances = 40
"#;
    let place = place(&recipe);
    let mut seen = Accuracies(Vec::new());
    let summary = place.run("run", &mut seen).unwrap();
    let best = seen.0.iter().copied().fold(0.0, f64::max);
    // One in eight by chance: of 80 held-out pictures 29 % is four deviations above.
    assert!(best > 0.5, "{:?}", seen.0);
    assert_eq!(summary.stages[0].test_films, 0);
    let folder = place.path("run/stages/fractals");
    assert!(folder.join("best.safetensors").exists() && !folder.join("validation.csv").exists());
    let written = std::fs::read_to_string(place.path("run/recipe.toml")).unwrap();
    assert!(
        !written.contains("manifest") && !written.contains("findings"),
        "{written}"
    );
    // The recipe in full is a recipe, and the same one.
    let again = Recipe::read(&place.path("run/recipe.toml")).unwrap();
    assert!(
        run(
            &again,
            &place.path("run"),
            &Options::default().with_resume(true),
            &mut Silent
        )
        .is_ok()
    );
}

#[test]
fn stopped_anywhere_it_goes_on_to_the_same_end() {
    let place = place(&with_source());
    place.run("expected", &mut Silent).unwrap();
    let expected = results(&place.path("expected"));
    for at in [1, 3, 4, 5, 6, 8, 9, 11, 14] {
        let out = format!("stopped{at}");
        let mut observer = At::new(at, || ControlFlow::Break(()));
        assert!(place.run(&out, &mut observer).unwrap().stopped.is_some());
        let options = Options::default()
            .with_resume(true)
            .with_threads(Some(1 + at % 3));
        run(&place.recipe(), &place.path(&out), &options, &mut Silent).unwrap();
        assert_equal_results(&place.path(&out), &expected, &format!("stopped at event {at}"));
    }
}

#[test]
fn the_next_stage_starts_from_it_and_keeps_no_output() {
    let place = place(&with_source());
    place.run("run", &mut Silent).unwrap();
    let text = std::fs::read_to_string(place.path("run/stages/findings/neurons.json")).unwrap();
    let neurons: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(neurons["left_behind"].as_array().unwrap().len(), 3);
    assert!(neurons["proof"].is_null());
    let data = std::fs::read_to_string(place.path("run/stages/fractals/data.json")).unwrap();
    let data: serde_json::Value = serde_json::from_str(&data).unwrap();
    assert_eq!(data["splits"]["train"]["films"], 15);
    assert_eq!(data["splits"]["validation"]["findings"][2]["positive"], 2);
    assert_eq!(data["splits"]["train"]["findings"][0]["negative"], 10);
}

#[test]
fn what_makes_no_sense_is_refused_with_its_line() {
    let refused = |from: &str, to: &str, says: &[&str]| {
        assert!(SOURCE.contains(from), "{from}");
        let place = place(&with_source().replacen(from, to, 1));
        let error = Recipe::read(&place.path("recipe.toml")).unwrap_err().to_string();
        for part in says {
            assert!(error.contains(part), "{error} lacks {part}");
        }
    };
    refused(
        "kind = \"exclusive\"",
        "kind = \"independent\"",
        &["stage.fractals.kind", "exclusive"],
    );
    refused(
        "epochs = 2",
        "epochs = 2\nmanifest = \"m.csv\"",
        &["stage.fractals.manifest", "have no manifest"],
    );
    refused(
        "epochs = 2",
        "epochs = 2\nfindings = [\"a\", \"b\"]",
        &["stage.fractals.findings"],
    );
    refused(
        "classes = 3",
        "classes = 1",
        &["stage.fractals.fractals.classes", "found 1", "recipe.toml:23"],
    );
    refused(
        "seed = 4",
        "seed = 4\nfilling_rate = 0.5",
        &["filling_rate", "at most 0.3"],
    );
    refused(
        "seed = 4",
        "seed = 4\nfilling = 0.2",
        &["unknown field", "filling_rate"],
    );
    refused(
        "seed = 4",
        "seed = 4\n[stage.isnet]",
        &["stage.fractals.isnet", "no lungs"],
    );
    let at = SOURCE.find("\n[stage.fractals]").unwrap();
    refused(
        &SOURCE[at..],
        "\n",
        &["stage.fractals.manifest", "[stage.fractals]"],
    );
}

#[test]
fn another_seed_of_the_fractals_is_another_run() {
    let place = place(&with_source());
    let mut observer = At::new(5, || ControlFlow::Break(()));
    place.run("run", &mut observer).unwrap();
    std::fs::write(
        place.path("recipe.toml"),
        with_source().replacen("seed = 4", "seed = 5", 1),
    )
    .unwrap();
    let error = place.run("run", &mut Silent).unwrap_err().to_string();
    assert!(
        error.contains("cannot resume") && error.contains("manifest of stage fractals"),
        "{error}"
    );
}
