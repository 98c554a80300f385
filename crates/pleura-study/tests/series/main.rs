//! Series and studies on small made-up films.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should say so")]

#[path = "../../../pleura-train/tests/run/films.rs"]
#[allow(dead_code, reason = "shared with the tests of single runs")]
mod films;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use pleura_manifest::{DuplicateRecord, Manifest, MatchKind, RecordedPair, Sidecar};
use pleura_study::study::{Study, StudyPlan};
use pleura_study::{
    CrossValidationPlan, FoldOptions, LearningCurveOptions, LearningCurvePlan, Member, Series,
};
use pleura_train::{Error, Event, Observer, Options, Plan, Recipe};

use films::{Place, RECIPE, SOURCE, masked};

fn place(recipe: &str) -> Place {
    let place = Place::new();
    std::fs::write(place.path("recipe.toml"), recipe).unwrap();
    place
}

/// The part of [`RECIPE`] before its stages.
fn head() -> &'static str {
    &RECIPE[..RECIPE.find("[[stage]]").unwrap()]
}

const TARGET: &str = r#"[[stage]]
name = "target"
kind = "exclusive"
manifest = "target.csv"
epochs = 1
"#;

/// Stops every run when it begins.
struct Stop;

impl Observer for Stop {
    fn notice(&mut self, _: &Event<'_>) -> ControlFlow<()> {
        ControlFlow::Break(())
    }
}

#[test]
fn what_was_refused_for_leaks_can_be_begun_with_them() {
    let place = Place::new();
    let findings = Manifest::read(&place.path("findings.csv")).unwrap();
    let (train, test) = (&findings.rows[0], &findings.rows[23]);
    let mut sidecar = Sidecar::bare(&findings);
    sidecar.duplicates = Some(DuplicateRecord {
        software: "pleura".to_owned(),
        min_correlation: 0.98,
        films: String::new(),
        pairs: vec![RecordedPair {
            files: [train.sha256.clone(), test.sha256.clone()],
            films: [train.film.clone(), test.film.clone()],
            kind: MatchKind::Pixels,
        }],
    });
    sidecar.write(&place.path("findings.csv")).unwrap();
    let target = Manifest::read(&place.path("target.csv")).unwrap();
    let series = Series {
        kind: "folds".to_owned(),
        members: vec![Member {
            name: "fold-1".to_owned(),
            recipe: place.recipe(),
            seed: None,
            manifests: [("target".to_owned(), target)].into(),
        }],
    };
    let study = r#"
recipe = "recipe.toml"
seeds = [1]
epochs = [1]
[[variant]]
name = "kept"
[[variant]]
name = "fresh"
set.stage.target.keep.rule = "none"
"#;
    std::fs::write(place.path("study.toml"), study).unwrap();
    let study = StudyPlan::new(Study::read(&place.path("study.toml")).unwrap()).unwrap();
    for (out, record) in [("series", "series.json"), ("study", "study.toml")] {
        let folder = place.path(out);
        let run = |options: &Options| match out {
            "series" => series.run(&folder, options, &mut Stop),
            _ => study.run(&folder, options, 1, &mut Stop),
        };
        let refused = run(&Options::default()).unwrap_err();
        assert!(matches!(refused, Error::Leaks { .. }), "{refused}");
        let left = std::fs::read_dir(&folder).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["lock"], "nothing that another try would stumble over");
        let allowed = Options::default().with_leaks_allowed(true);
        assert!(run(&allowed).unwrap().stopped.is_some());
        assert!(folder.join(record).exists() && folder.join("series.json").exists());
        let again = run(&allowed).unwrap_err();
        assert!(matches!(again, Error::Occupied { .. }), "{again}");
    }
}

#[test]
fn a_stage_with_other_masks_is_not_taken_over() {
    let stage = r#"[[stage]]
name = "plain"
kind = "exclusive"
manifest = "target.csv"
epochs = 1

[[stage]]
name = "isnet"
kind = "exclusive"
manifest = "target.csv"
start = "random"
epochs = 1
isnet = { plain = "stage:plain" }
"#;
    let place = place(&format!("{}{stage}", head()));
    masked(&place, "mask", 10..30, "target.csv");
    masked(&place, "smaller", 12..28, "other.csv");
    let text = std::fs::read_to_string(place.path("recipe.toml")).unwrap();
    let other = text.replace("\"target.csv\"", "\"other.csv\"");
    std::fs::write(place.path("other.toml"), other).unwrap();
    let member = |name: &str, recipe: &str| Member {
        name: name.to_owned(),
        recipe: Recipe::read(&place.path(recipe)).unwrap(),
        seed: None,
        manifests: BTreeMap::new(),
    };
    let series = Series {
        kind: "masks".to_owned(),
        members: vec![
            member("one", "recipe.toml"),
            member("other", "other.toml"),
            member("same", "other.toml"),
        ],
    };
    let outlines = series.outline(&place.path("out")).unwrap();
    let shared: Vec<_> = outlines.into_iter().map(|outline| outline.shared).collect();
    assert_eq!(
        shared,
        [None, Some(("one".to_owned(), 1)), Some(("other".to_owned(), 2))]
    );
}

#[test]
fn folds_share_the_source_and_are_dealt_of_films() {
    let place = place(&format!("{}{SOURCE}{TARGET}", head()));
    let choice = FoldOptions {
        count: Some(2),
        ..FoldOptions::default()
    };
    let plan = CrossValidationPlan::new(&place.recipe(), &choice).unwrap();
    assert_eq!(plan.stages, ["target"]);
    let mut shared = Vec::new();
    let mut observer = Shared(&mut shared);
    plan.series
        .run(&place.path("folds"), &Options::default(), &mut observer)
        .unwrap();
    assert_eq!(shared, [None, Some(1)]);
    assert!(
        plan.evaluate(&place.path("folds"))
            .unwrap()
            .contains_key("target")
    );
}

/// Stages that runs of a series take over.
struct Shared<'a>(&'a mut Vec<Option<usize>>);

impl Observer for Shared<'_> {
    fn notice(&mut self, event: &Event<'_>) -> ControlFlow<()> {
        if let Event::Run { shared, .. } = event {
            self.0.push(shared.map(|(_, stages)| stages));
        }
        ControlFlow::Continue(())
    }
}

#[test]
fn a_source_alone_has_neither_folds_nor_a_learning_curve() {
    let place = place(&format!("{}{SOURCE}", head()));
    let folds = CrossValidationPlan::new(&place.recipe(), &FoldOptions::default()).unwrap_err();
    assert!(folds.to_string().contains("without --folds"), "{folds}");
    let choice = LearningCurveOptions {
        parts: vec![0.5, 1.0],
        seeds: Vec::new(),
    };
    let curve = LearningCurvePlan::new(&place.recipe(), &choice).unwrap_err();
    assert!(curve.to_string().contains("instances"), "{curve}");
    let plan = Plan::new(&place.recipe(), None).unwrap();
    assert_eq!(plan.stages[0].findings, ["fractal-1", "fractal-2", "fractal-3"]);
}
