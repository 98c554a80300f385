//! A study of phantoms: planned, killed, gone on with, compared; several at a time or one after the other,
//! with the same bits.

use std::path::Path;
use std::time::Duration;
use std::{fs, thread};

use pleura_manifest::access_log::TestAccessLog;
use pleura_manifest::{Manifest, Split};
use serde_json::Value;

use crate::scene::{Said, Scene};
use crate::training::results;

const STUDY: &str = include_str!("../../../../recipes/study-tiny.toml");

/// The films that the recipe's head asks for, by its own commands.
fn scene() -> Scene {
    let scene = Scene::new();
    let commands = STUDY
        .lines()
        .filter_map(|line| line.strip_prefix("#   pleura data "));
    let mut count = 0;
    for command in commands {
        let line: Vec<&str> = ["data"].into_iter().chain(command.split_whitespace()).collect();
        done(scene.run(&line));
        count += 1;
    }
    assert_eq!(count, 4);
    scene.write("study-tiny.toml", STUDY);
    scene
}

fn done(said: Said) -> Said {
    assert_eq!(said.code, 0, "{}", said.err);
    said
}

/// Waits until a process has written a file, for two minutes at most.
fn wait_for(file: &Path) {
    for _ in 0..12_000 {
        if file.exists() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("{} was not written", file.display());
}

#[test]
fn a_study_is_planned_killed_gone_on_with_and_compared() {
    let scene = scene();
    let plan = done(scene.run(&["study", "study-tiny.toml", "--plan", "--json"])).json();
    let runs = plan["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 9);
    let names: Vec<&str> = runs.iter().map(|run| run["run"].as_str().unwrap()).collect();
    assert_eq!(names[..3], ["kept-seed-1", "weight-seed-1", "fresh-seed-1"]);
    assert_eq!(runs[0]["shared"], Value::Null);
    assert_eq!(runs[2]["shared"], serde_json::json!(["kept-seed-1", 1]));
    assert_eq!(
        runs[3]["shared"],
        Value::Null,
        "another seed is another first stage"
    );
    let plan = done(scene.run(&["study", "study-tiny.toml", "--plan"])).out;
    for says in [
        "fresh: the baseline",
        "weight: stage.target.keep.rule: \"weight\" (baseline: \"none\")",
        "taken over from kept-seed-2",
        "9 runs of 18 stages, 6 of them taken over",
        "with the best weights on test films",
    ] {
        assert!(plan.contains(says), "{says}: {plan}");
    }
    assert!(!scene.path("study").exists());

    // Killed on its way, again and again, until it is done.
    let line = [
        "study",
        "study-tiny.toml",
        "--out",
        "study",
        "--jobs",
        "2",
        "--threads",
        "2",
        "--resume",
        "--json",
    ];
    for reached in [
        "study/study.toml",
        "study/kept-seed-1/stages/intermediate/best.safetensors",
    ] {
        let mut child = scene.command(&line).spawn().unwrap();
        wait_for(&scene.path(reached));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let changed = STUDY.replace("epochs = 5\n", "epochs = 6\n");
    scene.write("other.toml", &changed);
    let said = scene.run(&["study", "other.toml", "--out", "study", "--resume"]);
    assert_eq!(said.code, 2);
    assert!(
        said.err
            .contains("variant.fresh.stage.target.epochs was 5, now 6"),
        "{}",
        said.err
    );
    let said = scene.run(&["study", "study-tiny.toml", "--out", "study"]);
    assert!(said.code == 2 && said.err.contains("--resume"), "{}", said.err);
    let found = done(scene.run(&line)).json();

    // One after the other in one go: the same bits.
    done(scene.run(&[
        "study",
        "study-tiny.toml",
        "--out",
        "whole",
        "--threads",
        "1",
        "--quiet",
    ]));
    let (study, whole) = (results(&scene.path("study")), results(&scene.path("whole")));
    assert!(
        study.keys().eq(whole.keys()),
        "{:?}\n{:?}",
        study.keys(),
        whole.keys()
    );
    for (name, bytes) in &study {
        assert!(whole[name] == *bytes, "{name} differs");
    }
    // A study that is not at its end can be compared as far as its pairs are whole, and says so.
    for lost in ["weight-seed-2/stages/target/stage.json", "study.json"] {
        fs::remove_file(scene.path("whole").join(lost)).unwrap();
    }
    let so_far = [
        "study",
        "study-tiny.toml",
        "--out",
        "whole",
        "--partial",
        "--json",
    ];
    let partly = &done(scene.run(&so_far)).json()["study"];
    assert_eq!(
        (&partly["seeds"], &partly["pending"]),
        (&serde_json::json!([1, 3]), &3.into())
    );
    assert!(
        partly["cautions"][0]
            .as_str()
            .unwrap()
            .starts_with("the study is not finished: 3 trainings are not compared yet"),
        "{}",
        partly["cautions"]
    );
    // What is known of all of it is not written over by what is known of a part.
    fs::copy(scene.path("study/study.json"), scene.path("whole/study.json")).unwrap();
    let kept = &done(scene.run(&so_far)).json()["study"];
    assert_eq!(kept["pending"], 0);
    let bytes = |name: &str| fs::read(scene.path(name)).unwrap();
    assert!(bytes("whole/study.json") == bytes("study/study.json"));
    let nothing = scene.run(&["study", "study-tiny.toml", "--out", "nowhere", "--partial"]);
    assert!(
        nothing.code == 2 && nothing.err.contains("nothing to compare; continue with --resume"),
        "{}",
        nothing.err
    );

    // What is shared is what training it alone gives.
    let weights = |run: &str| {
        fs::read(scene.path(&format!("study/{run}/stages/intermediate/best.safetensors"))).unwrap()
    };
    assert_eq!(weights("kept-seed-1"), weights("fresh-seed-1"));
    assert_ne!(weights("kept-seed-1"), weights("kept-seed-2"));

    // Done is not done again.
    let said = done(scene.run(&["study", "study-tiny.toml", "--out", "study", "--resume"]));
    assert!(
        said.err.contains("(done before)") && !said.err.contains("epoch 1/"),
        "{}",
        said.err
    );
    assert!(
        said.out.contains("kept against fresh, accuracy: "),
        "{}",
        said.out
    );

    let study = &found["study"];
    let points = study["points"].as_array().unwrap();
    let moments: Vec<(&Value, &Value)> = points
        .iter()
        .map(|point| (&point["epoch"], &point["split"]))
        .collect();
    let epochs: Vec<Option<u64>> = moments.iter().map(|moment| moment.0.as_u64()).collect();
    assert_eq!(epochs, [Some(1), Some(2), Some(3), Some(5), None]);
    assert!(moments[..4].iter().all(|moment| moment.1 == "validation") && moments[4].1 == "test");
    for point in points {
        for one in point["comparisons"].as_array().unwrap() {
            assert_eq!(one["pairs"], 3);
            let metrics = one["metrics"].as_array().unwrap();
            for name in ["accuracy", "macro AUC", "macro F1"] {
                let metric = metrics.iter().find(|metric| metric["metric"] == name).unwrap();
                assert_eq!(metric["difference"]["method"], "patient bootstrap");
                assert_eq!(metric["seeds"]["differences"].as_array().unwrap().len(), 3);
                assert_eq!(metric["together"]["family"], 10);
            }
            assert!(one["verdict"]["words"].as_str().unwrap().starts_with("accuracy "));
        }
    }
    assert_eq!(study["conclusions"].as_array().unwrap().len(), 2);
    // The test films were looked at once a run, by the best weights; epochs were compared on validation
    // films.
    let looks = TestAccessLog::read(&scene.path("phantoms/target/manifest.looks.jsonl")).unwrap();
    let models: std::collections::BTreeSet<&str> =
        looks.entries.iter().map(|look| look.model.as_str()).collect();
    assert!(
        models.len() <= 9 && looks.unreadable.is_empty(),
        "{}",
        models.len()
    );
    let page = fs::read_to_string(scene.path("study/report.html")).unwrap();
    for says in [
        "Conclusions",
        "kept against fresh",
        "phantoms",
        "differences of accuracy",
        "validation macro AUC by epoch",
    ] {
        assert!(page.contains(says), "{says}");
    }
    for plot in [
        "differences-accuracy.svg",
        "differences-macro-f1.svg",
        "curve-macro-auc.svg",
    ] {
        assert!(scene.path("study").join(plot).exists(), "{plot}");
    }
}

#[test]
fn a_study_by_folds_trains_what_knows_nothing_of_them_once() {
    let scene = scene();
    let text = STUDY
        .replace("seeds = [1, 2, 3]", "seeds = [4, 5]\nfolds = 2\nonce = [\"intermediate\"]\ntest_epochs = true\nset.stage.intermediate.seed = 1")
        .replace("epochs = [1, 2, 3, 5]", "epochs = [1]")
        .replace("epochs = 3\n", "epochs = 1\n")
        .replace("epochs = 5\n", "epochs = 2\n");
    scene.write("folds.toml", &text);
    let plan = done(scene.run(&["study", "folds.toml", "--plan", "--json"])).json();
    let runs = plan["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 12);
    assert!(
        runs[1..]
            .iter()
            .all(|run| run["shared"] == serde_json::json!(["kept-seed-4-fold-1", 1])),
        "{plan}"
    );
    let study = done(scene.run(&["study", "folds.toml", "--out", "study", "--json"])).json();
    let points = study["study"]["points"].as_array().unwrap();
    let moments: Vec<(Option<u64>, &str)> = points
        .iter()
        .map(|point| (point["epoch"].as_u64(), point["split"].as_str().unwrap()))
        .collect();
    assert_eq!(
        moments,
        [(Some(1), "validation"), (Some(1), "test"), (None, "test")]
    );
    let first = &points[2]["comparisons"][0];
    assert_eq!(first["pairs"], 4);
    // Every film was tested once a seed.
    assert_eq!(first["metrics"][0]["difference"]["n"], 72);
    assert_eq!(
        first["metrics"][0]["seeds"],
        Value::Null,
        "two seeds have no interval"
    );
    assert!(
        study["study"]["cautions"]
            .to_string()
            .contains("at least three are needed")
    );
    // Looks at the folds of all variants and seeds are in one account.
    let account = |manifest: &str| scene.path(manifest).with_extension("looks.jsonl");
    let fold = "study/kept-seed-4-fold-1/data/target/manifest.csv";
    assert!(!account(fold).exists());
    let looks = TestAccessLog::read(&account("phantoms/target/manifest.csv")).unwrap();
    let fold = Manifest::read(&scene.path(fold)).unwrap();
    let at = looks.of_test(&fold.films_digest(&fold.split(Split::Test)));
    assert!(
        TestAccessLog::models(&at) >= 6 && at.len() < looks.entries.len(),
        "three variants of two seeds, and the other fold: {} of {}",
        TestAccessLog::models(&at),
        looks.entries.len()
    );
    let page = fs::read_to_string(scene.path("study/report.html")).unwrap();
    let models = format!("by {} models.", TestAccessLog::models(&at));
    assert!(
        page.contains(&models) && !page.contains("Before the manifest was split again"),
        "{models}"
    );
}

/// The manifest's films in sources of their own, by the film's number.
fn in_sources(scene: &Scene, path: &str, of: impl Fn(usize) -> &'static str) {
    let mut manifest = Manifest::read(&scene.path(path)).unwrap();
    for (number, row) in manifest.rows.iter_mut().enumerate() {
        of(number).clone_into(&mut row.dataset);
        row.patient = format!("{}-{}", row.dataset, row.patient);
    }
    manifest.write(&scene.path(path)).unwrap();
}

#[test]
fn each_source_is_tested_by_trainings_without_it() {
    let scene = scene();
    in_sources(&scene, "phantoms/target/manifest.csv", |film| {
        ["north", "south"][film % 2]
    });
    in_sources(&scene, "phantoms/intermediate/manifest.csv", |film| {
        ["south", "west"][film % 2]
    });
    let study = STUDY
        .replace("seeds = [1, 2, 3]", "seeds = [1]\nleave_out = \"source\"")
        .replace("epochs = [1, 2, 3, 5]", "epochs = [1]")
        .replace("epochs = 5\n", "epochs = 2\n");
    scene.write("leave.toml", &study);
    let plan = done(scene.run(&["study", "leave.toml", "--plan", "--json"])).json();
    let names: Vec<&str> = plan["runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| run["run"].as_str().unwrap())
        .collect();
    assert!(
        names.contains(&"kept-seed-1-without-north") && names.contains(&"fresh-seed-1-without-south"),
        "{names:?}"
    );

    let said = done(scene.run(&["study", "leave.toml", "--out", "leave", "--json"])).json();
    let left_out = &said["study"]["left_out"];
    assert_eq!(left_out["attribute"], "source");
    let films = Manifest::read(&scene.path("phantoms/target/manifest.csv")).unwrap();
    for one in left_out["comparisons"].as_array().unwrap() {
        let of_source = films
            .rows
            .iter()
            .filter(|row| one["value"] == row.dataset.as_str())
            .count();
        assert_eq!(one["metrics"][0]["difference"]["n"], of_source);
    }
    // Pooled: every film of the two sources is tested once.
    let points = said["study"]["points"].as_array().unwrap();
    let best = points.iter().find(|point| point["epoch"] == Value::Null).unwrap();
    assert_eq!(
        best["comparisons"][0]["metrics"][0]["difference"]["n"],
        films.rows.len()
    );

    // No stage of a training has a film of the source that it does not know.
    for run in names.iter().filter(|name| name.ends_with("without-south")) {
        for stage in ["intermediate", "target"] {
            let path = scene
                .path("leave")
                .join(run)
                .join("data")
                .join(stage)
                .join("manifest.csv");
            let own = Manifest::read(&path).unwrap();
            let seen = own
                .rows
                .iter()
                .filter(|row| row.dataset == "south" && row.split.is_some_and(|split| split != Split::Test));
            assert_eq!(seen.count(), 0, "{}", path.display());
        }
    }
    let page = fs::read_to_string(scene.path("leave/report.html")).unwrap();
    assert!(page.contains("Left-out films"));

    // A stage of one source cannot do without it.
    in_sources(&scene, "phantoms/intermediate/manifest.csv", |_| "south");
    let said = scene.run(&["study", "leave.toml", "--plan"]);
    assert!(said.code == 2 && said.err.contains("values = ["), "{}", said.err);
}
