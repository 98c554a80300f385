use std::ops::ControlFlow;

use pleura_train::{Error, Options, Plan, Recipe, Silent, run};

use crate::films::{At, Place, RECIPE};

fn stop_early(place: &Place) {
    let mut observer = At::new(30, || ControlFlow::Break(()));
    assert!(place.run("run", &mut observer).unwrap().stopped.is_some());
}

#[test]
fn a_run_is_not_overwritten_without_resume() {
    let place = Place::new();
    stop_early(&place);
    let error = run(
        &place.recipe(),
        &place.path("run"),
        &Options::default(),
        &mut Silent,
    )
    .unwrap_err();
    assert!(
        matches!(error, Error::Occupied { .. }) && error.to_string().contains("--resume"),
        "{error}"
    );
}

#[test]
fn another_recipe_seed_or_manifest_is_not_resumed() {
    let place = Place::new();
    stop_early(&place);
    let refused = |what: &str, seed: Option<u64>| {
        let options = Options::default().with_resume(true).with_seed(seed);
        let error = run(&place.recipe(), &place.path("run"), &options, &mut Silent)
            .unwrap_err()
            .to_string();
        assert!(error.contains("cannot resume") && error.contains(what), "{error}");
    };
    refused("the recipe or the seed", Some(12));
    std::fs::write(
        place.path("recipe.toml"),
        RECIPE.replace("batch = 4", "batch = 5"),
    )
    .unwrap();
    refused("the recipe or the seed", None);
    std::fs::write(place.path("recipe.toml"), RECIPE).unwrap();
    let manifest = std::fs::read_to_string(place.path("target.csv")).unwrap();
    std::fs::write(place.path("target.csv"), manifest.replacen(",train,", ",val,", 1)).unwrap();
    refused("manifest of stage target", None);
    std::fs::write(place.path("target.csv"), manifest).unwrap();
    place.run("run", &mut Silent).unwrap();
}

#[test]
fn two_processes_do_not_write_one_run() {
    let place = Place::new();
    let mut refused = false;
    let mut observer = At::new(25, || {
        refused = matches!(
            place.run("run", &mut Silent),
            Err(Error::Run(pleura_run::Error::Locked { .. }))
        );
        ControlFlow::Break(())
    });
    place.run("run", &mut observer).unwrap();
    assert!(refused);
}

#[test]
fn what_cannot_be_trained_is_said_before_training() {
    let place = Place::new();
    let message = |from: &str, to: &str| {
        assert!(RECIPE.contains(from));
        std::fs::write(place.path("recipe.toml"), RECIPE.replace(from, to)).unwrap();
        Plan::new(&place.recipe(), None).unwrap_err().to_string()
    };
    let text = message("\"No Finding\" }", "\"Healthy\" }");
    assert!(
        text.contains("Healthy") && text.contains("No Finding, Round, Striped"),
        "{text}"
    );
    let text = message("fresh = [\"striped\"]", "fresh = [\"Stripes\"]");
    assert!(
        text.contains("\"Stripes\"") && text.contains("normal, round, striped"),
        "{text}"
    );
    // Findings that the manifest gives are checked as those that the recipe lists.
    let text = message(
        "findings = [\"round\", \"normal\", \"fresh\"]\nkeep = { map = { round = \"Round\", normal = \"No Finding\" } }\ncolumns = { fresh = [\"striped\"] }",
        "keep = { map = { Normal = \"No Finding\" } }",
    );
    assert!(
        text.contains("\"Normal\" is not one of the stage's findings")
            && text.contains("\"normal\", \"round\""),
        "{text}"
    );
    let text = message("manifest = \"target.csv\"", "manifest = \"targets.csv\"");
    assert!(text.contains("targets.csv"), "{text}");
    let text = message("epochs = 2", "epochs = 2\nstart = \"imagenet.safetensors\"");
    assert!(
        text.contains("imagenet.safetensors") && text.contains("pleura weights fetch"),
        "{text}"
    );
}

#[test]
fn films_of_a_size_that_no_machine_holds_are_refused() {
    let place = Place::new();
    let large = RECIPE.replace("size = 32", "size = 2240000");
    std::fs::write(place.path("recipe.toml"), large).unwrap();
    let error = Recipe::read(&place.path("recipe.toml")).unwrap_err().to_string();
    assert!(error.contains("found 2240000, expected at most 8192"), "{error}");
}

#[test]
fn a_seed_that_reaches_no_stage_is_refused() {
    let place = Place::new();
    let text = RECIPE.replace("[[stage]]\n", "[[stage]]\nseed = 3\n");
    std::fs::write(place.path("recipe.toml"), text).unwrap();
    let recipe = place.recipe();
    Plan::new(&recipe, Some(11)).unwrap();
    let error = Plan::new(&recipe, Some(12)).unwrap_err().to_string();
    assert!(error.contains("every stage has its own seed"), "{error}");
    // A run's recipe in full is one that a seed still reaches.
    std::fs::write(place.path("recipe.toml"), RECIPE).unwrap();
    let plan = Plan::new(&place.recipe(), None).unwrap();
    assert_eq!(Plan::new(&plan.recipe, Some(12)).unwrap().stages[1].seed, 12);
}

#[test]
fn no_run_begins_in_the_folder_of_a_series() {
    let place = Place::new();
    std::fs::create_dir(place.path("run")).unwrap();
    std::fs::write(place.path("run").join("series.json"), "{}").unwrap();
    let error = place.run("run", &mut Silent).unwrap_err().to_string();
    assert!(error.contains("holds a series of runs"), "{error}");
    assert!(!place.path("run").join("run.json").exists());
}

#[test]
fn weights_of_another_kind_are_refused() {
    let place = Place::new();
    place.run("run", &mut Silent).unwrap();
    let message = |change: &dyn Fn(String) -> String| {
        let text = change(RECIPE.replace(
            "epochs = 2",
            "epochs = 2\nstart = \"run/stages/findings/best.safetensors\"",
        ));
        std::fs::write(place.path("recipe.toml"), text).unwrap();
        Plan::new(&place.recipe(), None)
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    message(&|text| text).unwrap();
    let text = message(&|text| text.replace("growth = 4", "growth = 5")).unwrap_err();
    assert!(text.contains("architecture"), "{text}");
    let text =
        message(&|text| text.replace("seed = 11", "seed = 11\nnormalisation = \"imagenet\"")).unwrap_err();
    assert!(text.contains("leave `normalisation` out"), "{text}");
}

#[test]
fn a_loss_that_explodes_is_an_error_that_helps() {
    let place = Place::new();
    std::fs::write(
        place.path("recipe.toml"),
        RECIPE.replace("learning_rate = 0.05", "learning_rate = 1e30"),
    )
    .unwrap();
    let error = place.run("run", &mut Silent).unwrap_err();
    assert!(
        matches!(error, Error::Diverged { .. }) && error.to_string().contains("learning rate"),
        "{error}"
    );
}
