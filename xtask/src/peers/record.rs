//! Measurements on disk, as JSON: all of a run, and those of earlier runs on the same machine.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::case::{Case, Measurement};
use super::machine::Machine;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) machine: Machine,
    pub(super) threads: usize,
    pub(super) measurements: Vec<Measurement>,
}

impl Record {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_slice(&bytes)
            .with_context(|| format!("{} holds no measurements of this command", path.display()))
    }

    pub(super) fn write(&self, path: &Path) -> Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        fs::write(path, serde_json::to_vec_pretty(self)?)
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Adds the measurements of an earlier run, except those of cases that are measured again.
    pub(super) fn join(&mut self, earlier: Self, again: &[Case]) -> Result<()> {
        let (here, there) = (&self.machine, &earlier.machine);
        if (&here.processor, here.cores, self.threads) != (&there.processor, there.cores, earlier.threads) {
            bail!(
                "the earlier measurements were made on {} with {} cores and {} threads, these on {} with {} and {}: \
                 they cannot stand in one table",
                there.processor,
                there.cores,
                earlier.threads,
                here.processor,
                here.cores,
                self.threads
            );
        }
        if self.measurements.is_empty() && again.is_empty() {
            // Nothing new: the date is that of the earlier run.
            self.machine = earlier.machine;
        }
        let kept = earlier
            .measurements
            .into_iter()
            .filter(|old| !again.iter().any(|case| case.is_like(&old.case)));
        self.measurements.splice(0..0, kept);
        Ok(())
    }

    /// The cases, in the order in which they first appear.
    pub(super) fn cases(&self) -> Vec<Case> {
        let mut cases: Vec<Case> = Vec::new();
        for measurement in &self.measurements {
            if !cases.iter().any(|case| case.is_like(&measurement.case)) {
                cases.push(measurement.case.clone());
            }
        }
        cases
    }

    /// All measurements of a case.
    pub(super) fn of(&self, case: &Case) -> Vec<&Measurement> {
        self.measurements
            .iter()
            .filter(|measurement| measurement.case.is_like(case))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{case, machine, measurement};
    use super::*;
    use crate::peers::engine::Engine;

    fn record(measurements: Vec<Measurement>) -> Record {
        Record {
            machine: machine(),
            threads: 2,
            measurements,
        }
    }

    #[test]
    fn what_is_measured_again_replaces_the_earlier() {
        let single = Case { batch: 1, ..case() };
        let mut old = measurement(0, Engine::Pleura, &[9.0]);
        let mut kept = old.clone();
        kept.case = single.clone();
        old.case.steps = 7;
        let mut now = record(vec![measurement(0, Engine::Pleura, &[1.0])]);
        now.join(record(vec![old, kept]), &[case()]).unwrap();
        assert_eq!(now.cases(), [single.clone(), case()]);
        assert_eq!(now.of(&case())[0].answer.seconds, [1.0]);
        assert_eq!(now.of(&single)[0].answer.seconds, [9.0]);
    }

    #[test]
    fn machines_are_not_mixed() {
        let mut other = record(Vec::new());
        other.machine.processor = "another".to_owned();
        let error = record(Vec::new()).join(other, &[]).unwrap_err().to_string();
        assert!(error.contains("on another with 2 cores"), "{error}");
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new").join("bench.json");
        let written = record(vec![measurement(0, Engine::Eager, &[1.5])]);
        written.write(&path).unwrap();
        let read = Record::read(&path).unwrap();
        assert_eq!(read.machine, written.machine);
        assert_eq!(read.measurements[0].engine, Engine::Eager);
        assert_eq!(read.measurements[0].case, case());
    }
}
