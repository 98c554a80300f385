//! A list of steps with a heading, a time and a verdict each, and a summary at the end.

use std::time::{Duration, Instant};

use anyhow::Result;

/// Runs steps one after the other; a failed step does not keep the later ones from running.
pub(crate) struct Steps {
    total: usize,
    done: Vec<Step>,
}

struct Step {
    name: String,
    took: Duration,
    failure: Option<String>,
}

impl Steps {
    /// `total` is how many steps are coming, for the headings.
    pub(crate) fn new(total: usize) -> Self {
        Self {
            total,
            done: Vec::new(),
        }
    }

    /// Prints the heading, runs `work`, and notes its time and verdict.
    pub(crate) fn run(&mut self, name: &str, work: impl FnOnce() -> Result<()>) {
        println!("\n━━ [{}/{}] {name}", self.done.len() + 1, self.total);
        let start = Instant::now();
        let failure = work().err().map(|error| format!("{error:#}"));
        let took = start.elapsed();
        match &failure {
            None => println!("━━ ok: {name} ({})", spoken(took)),
            Some(why) => println!("━━ FAILED: {name} ({}): {why}", spoken(took)),
        }
        self.done.push(Step {
            name: name.to_owned(),
            took,
            failure,
        });
    }

    /// Prints one line a step and returns whether all of them went well.
    pub(crate) fn summary(&self) -> bool {
        let width = self
            .done
            .iter()
            .map(|step| step.name.chars().count())
            .max()
            .unwrap_or(0);
        println!("\n━━ summary");
        for step in &self.done {
            let verdict = if step.failure.is_none() {
                "ok    "
            } else {
                "FAILED"
            };
            println!("  {verdict}  {:<width$}  {:>8}", step.name, spoken(step.took));
        }
        let total = spoken(self.done.iter().map(|step| step.took).sum());
        let failed = self.done.iter().filter(|step| step.failure.is_some()).count();
        for step in &self.done {
            if let Some(why) = &step.failure {
                println!("  {}: {why}", step.name);
            }
        }
        if failed == 0 {
            println!("  all {} steps went well in {total}", self.done.len());
        } else {
            println!("  {failed} of {} steps failed, after {total}", self.done.len());
        }
        failed == 0
    }
}

/// A duration as people say it: `0.4 s`, `12 s`, `3 min 05 s`.
pub(crate) fn spoken(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds.round() as u64 {
        _ if seconds < 9.95 => format!("{seconds:.1} s"),
        whole if whole < 60 => format!("{whole} s"),
        whole => format!("{} min {:02} s", whole / 60, whole % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        assert_eq!(spoken(Duration::from_millis(449)), "0.4 s");
        assert_eq!(spoken(Duration::from_secs_f64(59.4)), "59 s");
        assert_eq!(spoken(Duration::from_secs_f64(59.6)), "1 min 00 s");
        assert_eq!(spoken(Duration::from_secs(185)), "3 min 05 s");
    }

    #[test]
    fn one_failure_fails_the_whole_and_stops_nothing() {
        let mut steps = Steps::new(2);
        let mut second_ran = false;
        steps.run("first", || anyhow::bail!("broken"));
        steps.run("second", || {
            second_ran = true;
            Ok(())
        });
        assert!(second_ran);
        assert!(!steps.summary());
    }
}
