//! Killed, stopped, told again, told otherwise: a run comes out as if nothing had happened, or stays as it
//! was.

#[cfg(unix)]
mod interrupted;

use std::fs;

use serde_json::Value;

use crate::training::{STAGES, Training, WHOLE, assert_same_results, line, results, untouched};

#[test]
fn the_number_of_threads_moves_no_bit() {
    let training = Training::shared();
    for (threads, out) in [("1", "one/tiny"), ("2", "two/tiny")] {
        let said = training.train(out, &["--threads", threads, "--json"]);
        assert_eq!((said.code, said.err.as_str()), (0, ""));
        let summary = said.json();
        assert_eq!(
            (&summary["out"], &summary["stopped"]),
            (&out.into(), &Value::Null)
        );
        for (stage, name) in summary["stages"].as_array().unwrap().iter().zip(STAGES) {
            assert_eq!(stage["stage"], name);
        }
    }
    assert_same_results(
        &training.path("one/tiny"),
        &training.path("two/tiny"),
        "1 and 2 threads",
    );
    assert_same_results(
        &training.path("one/tiny"),
        &training.path(WHOLE),
        "1 and all threads",
    );
}

#[test]
fn another_seed_is_another_run() {
    let training = Training::shared();
    let said = training.train("seeded/tiny", &["--seed", "12", "-q"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let (found, whole) = (
        results(&training.path("seeded/tiny")),
        results(&training.path(WHOLE)),
    );
    for name in [
        "log.jsonl",
        "run.json",
        "stages/intermediate/last.safetensors",
        "stages/target/best.safetensors",
    ] {
        assert!(found[name] != whole[name], "{name}");
    }
}

#[test]
fn a_finished_run_is_left_as_it_is() {
    let training = Training::shared();
    let run = training.copy("finished/tiny");
    let before = untouched(&run);

    // Bit for bit, times and all.
    let again = training.train("finished/tiny", &["--resume", "--json"]);
    assert_eq!((again.code, again.err.as_str()), (0, ""));
    assert_eq!(again.json()["stages"].as_array().unwrap().len(), 2);
    assert!(untouched(&run) == before, "--resume changed a finished run");

    let refused = training.train("finished/tiny", &[]);
    assert_eq!((refused.code, refused.out.as_str()), (2, ""));
    assert_eq!(
        refused.err,
        "pleura: finished/tiny: already holds a run; continue it with --resume, or choose another folder\n"
    );
    assert!(untouched(&run) == before, "a refused start changed a run");
}

#[test]
fn a_run_goes_on_only_with_what_it_was_begun_with() {
    let training = Training::shared();
    let run = training.copy("strict/tiny");
    let before = untouched(&run);
    let refused = |recipe: &str, options: &[&str]| {
        let mut words = line("strict/tiny", options);
        words[1] = recipe;
        words.push("--resume");
        let said = training.scene().run(&words);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{options:?}");
        assert!(said.err.contains("strict/tiny: cannot resume: "), "{}", said.err);
        assert!(
            untouched(&run) == before,
            "a refused resume changed the run: {}",
            said.err
        );
        said.err
    };

    let seed = refused("recipe.toml", &["--seed", "12"]);
    assert!(seed.contains("seed was 11, now 12"), "{seed}");
    let recipe = training.changed(
        "other",
        &[("epochs = 3", "epochs = 4"), ("flip = 0.5", "flip = 0.0")],
    );
    let values = refused(&recipe, &[]);
    for change in [
        "stage.intermediate.augmentation.flip was 0.5, now 0.0",
        "stage.target.epochs was 3, now 4",
    ] {
        assert!(values.contains(change), "{values}");
    }
    assert!(!values.contains("seed was"), "{values}");
    let recipe = training.changed(
        "more",
        &[("freeze = [{ groups = \"all-but-head\", until_epoch = 1 }]", "")],
    );
    let gone = refused(&recipe, &[]);
    assert!(gone.contains("stage.target.freeze"), "{gone}");

    // The same recipe elsewhere, on the same films, is the same run; on others it is not.
    let manifest = fs::read_to_string(training.path("target/manifest.csv")).unwrap();
    fs::write(training.path("target/copy.csv"), &manifest).unwrap();
    let copy = training.changed("copy", &[("target/manifest.csv", "target/copy.csv")]);
    let mut words = line("strict/tiny", &["--resume"]);
    words[1] = &copy;
    assert_eq!(training.scene().run(&words).code, 0);
    assert!(
        untouched(&run) == before,
        "a manifest of another name changed the run"
    );
    fs::write(
        training.path("target/copy.csv"),
        manifest.replacen(",train,", ",val,", 1),
    )
    .unwrap();
    let films = refused(&copy, &[]);
    assert!(films.contains("the manifest of stage target changed"), "{films}");
}
