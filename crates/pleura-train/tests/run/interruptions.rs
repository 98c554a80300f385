//! Killed, stopped, cut off while writing: what is resumed comes out as if nothing had happened.

use std::{
    io::{BufRead as _, BufReader},
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind, panic_any},
    path::Path,
    process::{Command, Stdio},
};

use pleura_train::{Event, Observer, Options, Recipe, Silent, run};

use crate::films::{At, Place, assert_equal_results, results};

/// Ends a run like a kill: a panic that is not reported, without any further writing.
struct Killed;

fn killed(place: &Place, out: &str, at: usize) -> bool {
    let mut observer = At::new(at, || panic_any(Killed));
    match catch_unwind(AssertUnwindSafe(|| place.run(out, &mut observer))) {
        Ok(finished) => {
            assert!(finished.unwrap().stopped.is_none());
            false
        }
        Err(reason) => {
            assert!(reason.is::<Killed>());
            true
        }
    }
}

fn quiet_about_kills() {
    std::panic::set_hook(Box::new(|info| {
        if !info.payload().is::<Killed>() {
            eprintln!("{info}");
        }
    }));
}

fn uninterrupted(place: &Place) -> std::collections::BTreeMap<String, Vec<u8>> {
    place.run("whole", &mut Silent).unwrap();
    results(&place.path("whole"))
}

#[test]
fn killed_at_every_event() {
    quiet_about_kills();
    let place = Place::new();
    let expected = uninterrupted(&place);
    let mut at = 1;
    loop {
        let out = format!("killed{at}");
        if !killed(&place, &out, at) {
            break;
        }
        place.run(&out, &mut Silent).unwrap();
        assert_equal_results(&place.path(&out), &expected, &format!("killed at event {at}"));
        std::fs::remove_dir_all(place.path(&out)).unwrap();
        at += 1;
    }
    // 18 steps, 5 epochs, and what is around them.
    assert!(at > 30, "only {at} events");
}

#[test]
fn killed_at_every_event_while_the_head_alone_moves() {
    quiet_about_kills();
    let place = Place::head_only();
    let expected = uninterrupted(&place);
    let mut at = 1;
    while killed(&place, "killed", at) {
        place.run("killed", &mut Silent).unwrap();
        let what = format!("head only, killed at event {at}");
        assert_equal_results(&place.path("killed"), &expected, &what);
        std::fs::remove_dir_all(place.path("killed")).unwrap();
        at += 1;
    }
    assert!(at > 30, "only {at} events");
}

#[test]
fn killed_again_and_again() {
    quiet_about_kills();
    let place = Place::new();
    let expected = uninterrupted(&place);
    // Seven events are enough to come from one checkpoint to the next.
    let mut kills = 0;
    while killed(&place, "killed", 7) {
        kills += 1;
        assert!(kills < 100, "no progress");
    }
    assert!(kills >= 4, "only {kills} kills");
    assert_equal_results(&place.path("killed"), &expected, "killed again and again");
}

#[test]
fn stopped_at_every_event() {
    let place = Place::new();
    let expected = uninterrupted(&place);
    for at in 1.. {
        let out = format!("stopped{at}");
        let mut observer = At::new(at, || ControlFlow::Break(()));
        let summary = place.run(&out, &mut observer).unwrap();
        if observer.seen < at {
            break;
        }
        if summary.stopped.is_some() {
            place.run(&out, &mut Silent).unwrap();
        }
        assert_equal_results(&place.path(&out), &expected, &format!("stopped at event {at}"));
        std::fs::remove_dir_all(place.path(&out)).unwrap();
    }
}

#[test]
fn stopped_again_and_again() {
    let place = Place::new();
    let expected = uninterrupted(&place);
    let mut stops = 0;
    loop {
        // A stage that is over, one that goes on, and two batches of answers for each split take six.
        let mut observer = At::new(7, || ControlFlow::Break(()));
        if place.run("stopped", &mut observer).unwrap().stopped.is_none() {
            break;
        }
        stops += 1;
        assert!(stops < 100, "no progress");
    }
    assert!(stops >= 4, "only {stops} stops");
    assert_equal_results(&place.path("stopped"), &expected, "stopped again and again");
}

#[test]
fn a_checkpoint_that_was_cut_off_is_passed_over() {
    quiet_about_kills();
    let place = Place::new();
    let expected = uninterrupted(&place);
    for damage in 0..3 {
        let out = format!("damaged{damage}");
        assert!(killed(&place, &out, 36));
        let folder = place.path(&out).join("stages/target/checkpoints");
        let mut files: Vec<_> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        assert_eq!(files.len(), 2, "{files:?}");
        let newest = std::fs::read(&files[1]).unwrap();
        std::fs::write(folder.join(".writing-xyz.tmp"), &newest[..100]).unwrap();
        match damage {
            0 => std::fs::write(&files[1], &newest[..newest.len() / 2]).unwrap(),
            1 => std::fs::write(&files[1], b"").unwrap(),
            _ => files
                .iter()
                .for_each(|file| std::fs::write(file, b"nothing").unwrap()),
        }
        let mut notes = Notes(Vec::new());
        place.run(&out, &mut notes).unwrap();
        assert!(notes.0[0].contains("passed over"), "{:?}", notes.0);
        assert_equal_results(&place.path(&out), &expected, &format!("damage {damage}"));
    }
}

struct Notes(Vec<String>);

impl Observer for Notes {
    fn notice(&mut self, event: &Event<'_>) -> ControlFlow<()> {
        if let Event::Note(note) = event {
            self.0.push(note.clone());
        }
        ControlFlow::Continue(())
    }
}

const CHILD: &str = "PLEURA_TRAIN_TEST_CHILD";

/// Not a test by itself: what [`killed_by_the_system`] starts and kills.
#[test]
fn child() {
    let Ok(place) = std::env::var(CHILD) else { return };
    let place = Path::new(&place);
    let recipe = Recipe::read(&place.join("recipe.toml")).unwrap();
    run(
        &recipe,
        &place.join("killed"),
        &Options::default().with_resume(true),
        &mut Announced,
    )
    .unwrap();
}

const EVENT: &str = "event";

/// Prints a line for each event, which [`killed_by_the_system`] waits for.
struct Announced;

impl Observer for Announced {
    fn notice(&mut self, _: &Event<'_>) -> ControlFlow<()> {
        println!("{EVENT}");
        ControlFlow::Continue(())
    }
}

#[test]
#[cfg(unix)]
fn killed_by_the_system() {
    use std::os::unix::process::ExitStatusExt as _;
    let place = Place::new();
    let expected = uninterrupted(&place);
    let mut kills = 0;
    // The child runs on while the signal is on its way, so kills fall anywhere: in steps, in writes, between
    // stages. They come after more and more events, so the run ends at last.
    for events in 1.. {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "interruptions::child", "--nocapture"])
            .env(CHILD, place.folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut seen = lines.map_while(Result::ok).filter(|line| line.ends_with(EVENT));
        seen.by_ref().take(events).for_each(drop);
        child.kill().unwrap();
        let status = child.wait().unwrap();
        // Until here, or the child would fail at printing.
        drop(seen);
        if status.success() {
            break;
        }
        assert_eq!(status.signal(), Some(9), "the child failed by itself");
        kills += 1;
        assert!(kills < 200, "no progress");
    }
    assert!(kills >= 3, "only {kills} kills");
    assert_equal_results(&place.path("killed"), &expected, &format!("{kills} kills"));
}
