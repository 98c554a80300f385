use std::path::PathBuf;

use pleura_manifest::{Label, Manifest, Row, Split};

use super::*;
use pleura_run::recipe::{KeepRule, OptimiserRecipe, Start};

const STUDY: &str = r#"
seeds = [1, 2, 3]
epochs = [1, 2]

[recipe]
architecture = "small"

[[recipe.stage]]
name = "nih"
kind = "independent"
manifest = "nih.csv"
epochs = 4
patience = 2

[[recipe.stage]]
name = "target"
kind = "exclusive"
manifest = "covid.csv"
findings = ["COVID-19", "pneumonia", "normal"]
keep = { map = { normal = "No Finding" } }
optimiser = { kind = "sgd", momentum = 0.9 }
epochs = 3

[[variant]]
name = "kept"

[[variant]]
name = "fresh"
set.stage.target.keep.rule = "none"

[[variant]]
name = "once"
stages = ["target"]
set.stage.target = { start = "weights/w.safetensors", keep.rule = "none", optimiser = { kind = "adamw" } }
"#;

/// The study with some of its text in place of another, in a folder of its own.
fn read(changes: &[(&str, &str)]) -> (tempfile::TempDir, Result<Study, Error>) {
    let text = changes.iter().fold(STUDY.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.toml");
    std::fs::write(&path, text).unwrap();
    let study = Study::read(&path);
    (folder, study)
}

#[test]
fn settings_are_laid_over_the_recipe() {
    let (folder, study) = read(&[
        ("[recipe]", "set.stage.nih.seed = 5\n[recipe]"),
        ("epochs = 3", "epochs = 3\npatience = 1"),
        (
            "name = \"fresh\"",
            "name = \"fresh\"\nunset = [\"stage.target.patience\"]",
        ),
    ]);
    let study = study.unwrap();
    assert_eq!(
        (study.name.as_str(), study.baseline, study.test_epochs),
        ("s", 0, false)
    );
    let stages = |variant: usize| &study.recipe(variant).stages;
    assert_eq!(stages(0)[1].keep.rule, KeepRule::WeightAndBias);
    assert_eq!(stages(0)[1].patience, Some(1));
    assert_eq!(
        stages(0)[0].seed,
        Some(5),
        "settings of all reach every variant that has the stage"
    );
    // A table is merged: the map stays.
    assert_eq!(stages(1)[1].keep.rule, KeepRule::Nothing);
    assert_eq!(stages(1)[1].keep.map["normal"], "No Finding");
    assert_eq!(stages(1)[1].patience, None);
    // One that says its kind is another thing altogether.
    assert!(matches!(stages(2)[0].optimiser, OptimiserRecipe::AdamW { .. }));
    assert_eq!(stages(2).len(), 1);
    let here = |name: &str| std::path::absolute(folder.path().join(name)).unwrap();
    assert_eq!(
        stages(2)[0].start,
        Some(Start::File(here("weights/w.safetensors")))
    );
    assert_eq!(stages(0)[0].manifest, here("nih.csv"));
    for variant in 0..3 {
        assert_eq!(stages(variant).last().unwrap().epoch_predictions.after, [1, 2]);
    }
}

#[test]
fn a_recipe_file_keeps_its_own_folder() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = "architecture = \"small\"\n[[stage]]\nname = \"t\"\nkind = \"exclusive\"\nmanifest = \"m.csv\"\nepochs = 5\n";
    std::fs::create_dir(folder.path().join("recipes")).unwrap();
    std::fs::write(folder.path().join("recipes/a.toml"), recipe).unwrap();
    let study = "recipe = \"recipes/a.toml\"\nseeds = [1]\n[[variant]]\nname = \"a\"\n[[variant]]\nname = \"b\"\nset.stage.t.manifest = \"m.csv\"\n";
    let path = folder.path().join("s.toml");
    std::fs::write(&path, study).unwrap();
    let study = Study::read(&path).unwrap();
    let manifests: Vec<PathBuf> = study
        .variants
        .iter()
        .map(|variant| Study::stage(variant).manifest.clone())
        .collect();
    assert_eq!(
        manifests,
        [folder.path().join("recipes/m.csv"), folder.path().join("m.csv")]
    );
    // A mistake in a recipe is told with the recipe's line.
    std::fs::write(
        folder.path().join("recipes/a.toml"),
        recipe.replace("epochs", "epoch"),
    )
    .unwrap();
    let error = Study::read(&path).unwrap_err().to_string();
    assert!(error.contains("a.toml:6"), "{error}");
}

#[test]
fn messages_name_the_file_and_the_key() {
    for (from, to, says) in [
        ("seeds = [1, 2, 3]", "seeds = []", "s.toml: seeds: found []"),
        ("seeds = [1, 2, 3]", "seeds = [1, 1]", "different ones"),
        ("seeds = [1, 2, 3]", "seed = 1", "unknown field `seed`"),
        ("epochs = [1, 2]", "epochs = [2, 1]", "increasing numbers"),
        (
            "epochs = [1, 2]",
            "epochs = [1, 5]",
            "variant kept: stage.target: trains 3 epochs",
        ),
        (
            "epochs = [1, 2]",
            "validation = 0.2",
            "validation: applies to folds",
        ),
        ("epochs = [1, 2]", "folds = 1", "folds: found 1"),
        (
            "epochs = [1, 2]",
            "epochs = [1]\nbaseline = \"none\"",
            "one of the variants [\"kept\", \"fresh\", \"once\"]",
        ),
        ("epochs = [1, 2]", "primary = \"AUC\"", "\"macro AUC\""),
        ("epochs = [1, 2]", "set.stage.target.seed = 3", "has its own seed"),
        (
            "epochs = [1, 2]",
            "epochs = [1]\nset.stage.nhi.seed = 3",
            "set.stage.nhi: no variant has a stage of this name",
        ),
        (
            "name = \"fresh\"",
            "name = \"Kept\"",
            "two variants have the name \"Kept\"",
        ),
        ("name = \"fresh\"", "name = \"a/b\"", "names folders"),
        (
            "name = \"fresh\"",
            "name = \"fresh\"\nunset = [\"stage.nih.seed\"]",
            "`unset` contains \"stage.nih.seed\"",
        ),
        (
            "target.keep.rule",
            "targt.keep.rule",
            "variant fresh: the recipe has no stage \"targt\"",
        ),
        ("keep.rule = \"none\"", "keep.rul = \"none\"", "variant fresh"),
        (
            "keep.rule = \"none\"",
            "epochs = 0",
            "variant fresh: stage.target: trains 0 epochs",
        ),
        ("keep.rule = \"none\"", "batch = 0", "expected 1 to"),
        (
            "stages = [\"target\"]",
            "stages = [\"a\"]",
            "variant once: the recipe has no stage \"a\"",
        ),
        ("start = \"weights/w.safetensors\", ", "", ""),
    ] {
        let (_folder, study) = read(&[(from, to)]);
        if says.is_empty() {
            study.unwrap();
            continue;
        }
        let message = study.unwrap_err().to_string();
        assert!(
            message.contains("s.toml") && message.contains(says),
            "{to}: {message}"
        );
    }
}

/// A table of twelve films, one a patient, dealt to two folds; of two classes, so that each fold has both.
fn dealt(folder: &std::path::Path, name: &str, fold: impl Fn(usize) -> usize) {
    let mut manifest = Manifest::new(folder, vec!["sick".into(), "well".into()]);
    manifest.notes.push("fold".into());
    let label = |yes: bool| if yes { Label::Positive } else { Label::Negative };
    manifest.rows = (0..12)
        .map(|film| Row {
            film: format!("film-{film}"),
            path: format!("film-{film}.png").into(),
            sha256: format!("{film:064}"),
            dataset: "made".into(),
            patient: format!("patient-{film}"),
            split: Some([Split::Train, Split::Validation, Split::Test][film % 3]),
            labels: vec![label(film < 6), label(film >= 6)],
            notes: vec![fold(film).to_string()],
            ..Row::default()
        })
        .collect();
    manifest.write(&folder.join(name)).unwrap();
}

/// A study of two variants on such tables, planned.
fn planned(
    folder: &std::path::Path,
    head: &str,
    stages: &str,
    variants: [&str; 2],
) -> Result<StudyPlan, Error> {
    let [one, other] = variants;
    let text = format!(
        "seeds = [1, 2]\nepochs = [1]\n{head}\n[recipe]\narchitecture = \"small\"\n{stages}\n\
         [[variant]]\nname = \"one\"\n{one}\n[[variant]]\nname = \"other\"\n{other}\n"
    );
    let path = folder.join("s.toml");
    std::fs::write(&path, text).unwrap();
    StudyPlan::new(Study::read(&path).unwrap())
}

const TARGET: &str =
    "[[recipe.stage]]\nname = \"target\"\nkind = \"exclusive\"\nmanifest = \"a.csv\"\nepochs = 1\n";
const DRAWN: &str = "[[recipe.stage]]\nname = \"drawn\"\nkind = \"exclusive\"\nepochs = 1\nseed = 1\n[recipe.stage.fractals]\nclasses = 3\ninstances = 5\nheld_out = 2\n";

#[test]
fn variants_have_the_same_folds() {
    let folder = tempfile::tempdir().unwrap();
    dealt(folder.path(), "a.csv", |film| film % 2 + 1);
    dealt(folder.path(), "b.csv", |film| film % 2 + 1);
    dealt(folder.path(), "c.csv", |film| film / 2 % 2 + 1);
    let plan = |manifest: &str, folds: &str| {
        let other = format!("set.stage.target.manifest = \"{manifest}\"");
        planned(folder.path(), folds, TARGET, ["", &other])
    };
    let folds = "folds = true\nvalidation = 0.4";
    assert_eq!(plan("b.csv", folds).unwrap().runs.len(), 8);
    // Their films are the same, which is enough where they are split once.
    assert_eq!(plan("c.csv", "").unwrap().runs.len(), 4);
    let error = plan("c.csv", folds).unwrap_err().to_string();
    for says in [
        "s.toml",
        "variant other: stage.target.manifest",
        "other folds than those of one",
        "data split --folds",
    ] {
        assert!(error.contains(says), "{says}: {error}");
    }
}

#[test]
fn fractals_come_before_the_films_that_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    dealt(folder.path(), "a.csv", |film| film % 2 + 1);
    let head = "folds = true\nvalidation = 0.4\nonce = [\"drawn\"]";
    let stages = format!("{DRAWN}{TARGET}");
    let alone = "stages = [\"target\"]\nset.stage.target.start = \"random\"";
    let design = planned(folder.path(), head, &stages, ["", alone]).unwrap();
    assert_eq!((design.runs.len(), design.folds), (8, 2));

    let stages = DRAWN.replace("seed = 1\n", "");
    let error = planned(folder.path(), "", &stages, ["", "set.stage.drawn.batch = 4"]);
    let error = error.unwrap_err().to_string();
    for says in ["variant one: stage.drawn.fractals", "add a stage with a manifest"] {
        assert!(error.contains(says), "{says}: {error}");
    }
}

#[test]
fn what_is_done_so_far_are_whole_seeds() {
    let folder = tempfile::tempdir().unwrap();
    dealt(folder.path(), "a.csv", |film| film % 2 + 1);
    let head = "folds = true\nvalidation = 0.4";
    let design = planned(folder.path(), head, TARGET, ["", "set.stage.target.batch = 2"]).unwrap();
    let out = folder.path().join("out");
    let finish = |run: &str| {
        let stage = pleura_run::RunFolder::new(out.join(run)).stage("target");
        std::fs::create_dir_all(stage.path()).unwrap();
        std::fs::write(stage.record(), "{}").unwrap();
    };
    let so_far = || {
        let design = design.partial(&out).unwrap();
        (
            design.study.seeds,
            design.folds,
            design.pending,
            design.runs.len(),
        )
    };
    assert!(design.partial(&out).is_err());
    for run in ["one-seed-2-fold-2", "other-seed-2-fold-2"] {
        finish(run);
    }
    assert_eq!(
        so_far(),
        (vec![2], 1, 6, 2),
        "where no seed is whole, the first alone"
    );
    for run in ["one-seed-1-fold-1", "other-seed-1-fold-1"] {
        finish(run);
    }
    assert_eq!(so_far(), (vec![1], 1, 6, 2));
    for run in ["one-seed-2-fold-1", "other-seed-2-fold-1"] {
        finish(run);
    }
    assert_eq!(so_far(), (vec![2], 2, 4, 4), "half a seed is none");
    for run in ["one-seed-1-fold-2", "other-seed-1-fold-2"] {
        finish(run);
    }
    assert_eq!(so_far(), (vec![1, 2], 2, 0, 8));
}

#[test]
fn studies_in_the_repository_are_studies() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes");
    let mut count = 0;
    for folder in [folder.clone(), folder.join("real")] {
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let is_recipe = path.extension().is_some_and(|extension| extension == "toml");
            if is_recipe && std::fs::read_to_string(&path).unwrap().contains("[[variant]]") {
                Study::read(&path).unwrap();
                count += 1;
            }
        }
    }
    assert!(count >= 4, "found {count} studies");
}
