//! Killed or stopped at any moment: what is resumed comes out as if nothing had happened.

use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::training::{Training, WHOLE, assert_same_results, line};

/// How often a run's folder is looked at. A step takes ten times as long.
const LOOK_EVERY: Duration = Duration::from_micros(200);

/// A moment in a run's life, told by what lies in its folder.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// This file or folder is there.
    There(&'static str),
    /// This step of a stage is in the log.
    Step(&'static str, u64),
    /// This epoch of a stage is in the log.
    Epoch(&'static str, u64),
    /// A checkpoint of the stage is being written: it is there under its temporary name.
    Writing(&'static str),
}

use Moment::{Epoch, Step, There, Writing};

impl Moment {
    fn has_come(self, run: &Path) -> bool {
        match self {
            There(name) => run.join(name).exists(),
            Step(stage, step) => logged(run, stage, "step", step),
            Epoch(stage, epoch) => logged(run, stage, "epoch", epoch),
            Writing(stage) => {
                fs::read_dir(run.join("stages").join(stage).join("checkpoints")).is_ok_and(|files| {
                    files
                        .flatten()
                        .any(|file| file.file_name().to_string_lossy().starts_with(".writing-"))
                })
            }
        }
    }
}

/// How a run was killed.
#[derive(Debug)]
struct Death {
    #[allow(dead_code, reason = "said where a test fails")]
    moment: Moment,
    /// A checkpoint was half written.
    torn: bool,
}

fn logged(run: &Path, stage: &str, event: &str, number: u64) -> bool {
    let log = fs::read_to_string(run.join("log.jsonl")).unwrap_or_default();
    // The last line may be half there.
    log.lines()
        .rev()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .any(|line| line["stage"] == stage && line["event"] == event && line[event] == number)
}

/// Starts training, and does something to it at a moment. Returns how it ended, and whether the moment came
/// before the end.
fn at(
    training: &Training,
    out: &str,
    options: &[&str],
    moment: Moment,
    act: impl Fn(&mut Child),
) -> (ExitStatus, bool) {
    let run = training.path(out);
    let words = line(out, &[options, &["--json"]].concat());
    let mut child = training
        .scene()
        .command(&words)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    loop {
        // Asked for first: a process that has ended cannot come to it any more.
        let ended = child.try_wait().unwrap();
        let come = moment.has_come(&run);
        if come && ended.is_none() {
            act(&mut child);
            return (child.wait().unwrap(), true);
        }
        if let Some(status) = ended {
            return (status, false);
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Kills a run at one moment after the other, and lets it come to its end. A moment that a slow watcher slept
/// through is left out.
fn kill(training: &Training, out: &str, moments: &[Moment]) -> Vec<Death> {
    let mut killed = Vec::new();
    // Who goes on may have more threads than who began, or fewer.
    for (&moment, threads) in moments.iter().zip(["1", "2"].into_iter().cycle()) {
        let run = training.path(out);
        if moment.has_come(&run) {
            continue;
        }
        let mut options = vec!["--cache", "films", "--threads", threads];
        if run.join("run.json").exists() {
            options.push("--resume");
        }
        let (status, _) = at(training, out, &options, moment, |child| child.kill().unwrap());
        match status.signal() {
            Some(9) => killed.push(Death {
                moment,
                torn: matches!(moment, Writing(_)) && moment.has_come(&run),
            }),
            other => assert!(status.success(), "{moment:?}: {status}, signal {other:?}"),
        }
    }
    finish(training, out);
    killed
}

/// Sends a signal as a shell does.
fn signal(child: &Child, name: &str) {
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -{name} {}", child.id())])
        .status();
    assert!(sent.unwrap().success());
}

fn finish(training: &Training, out: &str) {
    let said = training.train(out, &["--resume", "--json"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{out}");
    assert_eq!(said.json()["stopped"], Value::Null);
}

#[test]
fn kills_in_every_part_of_a_run_move_no_bit() {
    let training = Training::shared();
    let lives: [(&str, &[Moment]); 3] = [
        (
            "young/tiny",
            &[
                There("run.json"),
                There("../../films"),
                There("stages/intermediate/neurons.json"),
                // Before the first checkpoint, which is written after step 3.
                Step("intermediate", 1),
                Writing("intermediate"),
                Step("intermediate", 5),
                Epoch("intermediate", 0),
                Step("intermediate", 8),
                There("stages/intermediate/stage.json"),
                Step("target", 0),
            ],
        ),
        (
            "grown/tiny",
            &[
                Step("intermediate", 10),
                Epoch("intermediate", 1),
                There("stages/intermediate/last.safetensors"),
                There("stages/intermediate/validation.csv"),
                There("stages/target/neurons.json"),
                Step("target", 2),
                Epoch("target", 0),
                Writing("target"),
                Step("target", 12),
            ],
        ),
        (
            "old/tiny",
            &[
                Writing("intermediate"),
                Writing("target"),
                Step("target", 9),
                Epoch("target", 2),
                There("stages/target/last.safetensors"),
                There("stages/target/test.csv"),
                There("stages/target/stage.json"),
                There("explain/001.png"),
                There("explain/index.json"),
            ],
        ),
    ];
    let (mut meant, mut killed) = (0, Vec::new());
    for (out, moments) in lives {
        meant += moments.len();
        let died = kill(&training, out, moments);
        let what = format!("{out}, killed at {died:?}");
        assert_same_results(&training.path(out), &training.path(WHOLE), &what);
        killed.extend(died);
    }
    assert!(
        4 * killed.len() >= 3 * meant,
        "only {} of {meant} moments were met: {killed:?}",
        killed.len()
    );
    assert!(
        killed.iter().any(|death| death.torn),
        "no checkpoint was torn: {killed:?}"
    );
}

#[test]
fn what_a_kill_in_the_middle_of_a_write_leaves_is_swept_away() {
    let training = Training::shared();
    let out = "torn/tiny";
    let (status, come) = at(&training, out, &[], Step("target", 5), |child| {
        child.kill().unwrap();
    });
    assert_eq!((status.signal(), come), (Some(9), true));
    let run = training.path(out);
    let checkpoint = newest(&run.join("stages/target/checkpoints"));
    let bytes = fs::read(&checkpoint).unwrap();
    let half = &bytes[..bytes.len() / 2];
    for name in [
        ".writing-a1B2c3.tmp",
        "stages/target/.writing-a1B2c3.tmp",
        "stages/target/checkpoints/.writing-a1B2c3.tmp",
        "stages/target/test.csv.partial-4194305",
        "explain/.001.png.4194305.0.tmp",
        "explain/index.json.4194305.part",
        "report.html.4194305.part",
        "provenance.json.4194305.part",
    ] {
        training.scene().bytes(&format!("{out}/{name}"), half);
    }
    for log in ["log.jsonl", "timing.jsonl"] {
        let mut log = fs::OpenOptions::new().append(true).open(run.join(log)).unwrap();
        log.write_all(b"{\"stage\":\"target\",\"ev").unwrap();
    }
    // A disk that was full, or a power cut: the file has its name, and not all of its bytes.
    fs::write(&checkpoint, half).unwrap();
    finish(&training, out);
    assert_same_results(&run, &training.path(WHOLE), "torn files");
    // How it was begun, not how it was gone on with.
    let provenance: Value = serde_json::from_slice(&fs::read(run.join("provenance.json")).unwrap()).unwrap();
    assert_eq!(
        provenance["command"],
        format!("pleura train recipe.toml --out {out} --json")
    );
}

fn newest(checkpoints: &Path) -> PathBuf {
    let files = fs::read_dir(checkpoints).unwrap();
    files
        .map(|file| file.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "safetensors")
        })
        .max()
        .unwrap()
}

#[test]
fn control_c_ends_with_a_checkpoint_to_go_on_from() {
    let training = Training::shared();
    for (out, moment) in [
        ("stopped-in-a-step/tiny", Step("intermediate", 2)),
        ("stopped-in-an-epoch/tiny", Epoch("target", 0)),
    ] {
        let (status, come) = at(&training, out, &[], moment, |child| signal(child, "INT"));
        assert_eq!((status.code(), come), (Some(2), true), "{moment:?}");
        let run = training.path(out);
        let log = fs::read_to_string(run.join("log.jsonl")).unwrap();
        let last: Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
        let checkpoints = run
            .join("stages")
            .join(last["stage"].as_str().unwrap())
            .join("checkpoints");
        // Every step in the log is in the checkpoint: nothing is computed twice.
        let done = match last["event"].as_str().unwrap() {
            "step" => last["step"].as_u64().unwrap() + 1,
            _ => last["step"].as_u64().unwrap(),
        };
        assert_eq!(
            newest(&checkpoints).file_name().unwrap().to_str().unwrap(),
            format!("step-{done:08}.safetensors")
        );
        finish(&training, out);
        assert_same_results(&run, &training.path(WHOLE), out);
    }
}

#[test]
fn control_c_ends_what_comes_after_training_at_once() {
    let training = Training::shared();
    let out = "stopped-in-the-report/tiny";
    let picture = There("explain/001.png");
    let (status, come) = at(&training, out, &[], picture, |child| signal(child, "INT"));
    assert_eq!((status.code(), come), (Some(2), true));
    assert!(!training.path(out).join("report.html").exists());
    finish(&training, out);
    assert_same_results(&training.path(out), &training.path(WHOLE), out);
}

#[test]
fn who_stops_a_run_is_told_where_and_how_to_go_on() {
    let training = Training::shared();
    let words = line("told/tiny", &[]);
    let mut child = training
        .scene()
        .command(&words)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let run = training.path("told/tiny");
    while !Step("intermediate", 1).has_come(&run) {
        assert!(child.try_wait().unwrap().is_none());
        std::thread::sleep(LOOK_EVERY);
    }
    // Meanwhile nobody else may write there, however long it takes.
    signal(&child, "STOP");
    let locked = training.train("told/tiny", &["--resume"]);
    signal(&child, "INT");
    signal(&child, "CONT");
    let output = child.wait_with_output().unwrap();
    let (out, err) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(
        out.contains("stopped in stage ") && out.ends_with("; go on with --resume\n"),
        "{out}"
    );
    assert!(
        err.contains("stopping after this step, with a checkpoint"),
        "{err}"
    );
    assert_eq!(locked.code, 2);
    assert!(
        locked.err.contains("another process is training in this run"),
        "{}",
        locked.err
    );
}
