//! The command line itself: exit codes, streams, wording.

use crate::scene::Scene;

#[test]
fn what_cannot_be_parsed_ends_with_2_and_says_so_on_stderr() {
    let scene = Scene::new();
    for line in [
        &["nonsense"][..],
        &["predict"],
        &["evaluate", "x", "--manifest", "m", "--split", "tset"],
        &["doctor", "--jsn"],
    ] {
        let said = scene.run(line);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{line:?}");
        assert!(
            said.err.contains("error:") || said.err.contains("Usage:"),
            "{line:?}: {}",
            said.err
        );
    }
}

#[test]
fn help_and_version_end_with_0() {
    let scene = Scene::new();
    let help = scene.run(&["--help"]);
    assert_eq!(help.code, 0);
    let (_, list) = help.out.split_once("\nCommands:\n").unwrap();
    let verbs: Vec<&str> = list
        .lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|verb| *verb != "help")
        .collect();
    assert!(verbs.len() >= 14 && verbs.contains(&"study"), "{verbs:?}");
    for verb in verbs {
        let help = scene.run(&[verb, "--help"]);
        assert!(
            help.code == 0 && help.out.contains(&format!("Usage: pleura {verb}")),
            "{verb}: {}{}",
            help.out,
            help.err
        );
    }
    assert!(
        help.out
            .contains("Exit codes: 0 done, 1 a check failed, 2 could not.")
    );
    assert_eq!(
        scene.run(&["--version"]).out,
        format!("pleura {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn threads_may_be_said_before_or_after_any_verb() {
    let scene = Scene::new();
    for line in [
        ["--threads", "3", "doctor", "--json"],
        ["doctor", "--json", "--threads", "3"],
    ] {
        let said = scene.run(&line);
        assert_eq!(said.json()["machine"]["threads"], 3, "{}", said.err);
    }
    // A missing recipe is complained of, which is past parsing.
    let train = scene.run(&[
        "--threads",
        "2",
        "train",
        "none.toml",
        "--out",
        "run",
        "--threads",
        "2",
    ]);
    assert_eq!(train.code, 2);
    assert!(train.err.contains("none.toml"), "{}", train.err);
}

#[test]
fn a_reader_that_has_enough_is_no_error() {
    use std::process::{Command, Stdio};
    let scene = Scene::new();
    scene.model("m.safetensors", &["a", "b"], "exclusive");
    scene.film("film.png", 1);
    let mut program = Command::new(env!("CARGO_BIN_EXE_pleura"))
        .args(["predict", "--model"])
        .args([scene.path("m.safetensors"), scene.path("film.png")])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(program.stdout.take());
    let output = program.wait_with_output().unwrap();
    assert_eq!(
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).as_ref()
        ),
        (Some(0), "")
    );
}
