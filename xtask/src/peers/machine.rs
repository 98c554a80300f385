//! Machine, date and commit of a measurement.

use std::process::Command;
use std::thread;

use serde::{Deserialize, Serialize};

use crate::workspace;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Machine {
    /// The processor's name, if the system has it.
    pub(super) processor: String,
    pub(super) cores: usize,
    /// Load average of the last minute.
    pub(super) load_before: Option<f64>,
    /// Day of the measurement, UTC.
    pub(super) date: String,
    /// The measured commit, in a repository.
    pub(super) commit: Option<String>,
}

impl Machine {
    /// Must be called before a build, which makes the machine busy.
    pub(super) fn now() -> Self {
        Self {
            processor: processor(),
            cores: thread::available_parallelism().map_or(1, usize::from),
            load_before: load(),
            date: chrono::Utc::now().format("%Y-%m-%d").to_string(),
            commit: commit(),
        }
    }
}

fn processor() -> String {
    let told = std::fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    });
    told.unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

fn load() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

fn commit() -> Option<String> {
    let output = Command::new("git")
        .args(["describe", "--always", "--dirty"])
        .current_dir(workspace::root())
        .output()
        .ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !said.trim().is_empty()).then(|| said.trim().to_owned())
}
