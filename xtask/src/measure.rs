//! Measures the time and peak memory of one command: `xtask measure --report FILE -- COMMAND…`.
//!
//! Each measurement needs its own process, because the kernel keeps one maximum over *all* children of a
//! process.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;
use std::{env, fs};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// File for the result (JSON).
    #[arg(long)]
    report: PathBuf,
    /// The command and its arguments.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

/// Time and memory of a command.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Cost {
    /// Seconds from start to end.
    pub(crate) wall_seconds: f64,
    /// Largest resident set in bytes, if the system reports it.
    pub(crate) peak_rss_bytes: Option<u64>,
}

/// Runs the command with this process's own streams, writes the result, and exits like the command.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let (program, arguments) = args.command.split_first().context("no command given")?;
    let start = Instant::now();
    let status = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let cost = Cost {
        wall_seconds: start.elapsed().as_secs_f64(),
        peak_rss_bytes: children_peak(),
    };
    fs::write(&args.report, serde_json::to_vec(&cost)?)
        .with_context(|| format!("cannot write {}", args.report.display()))?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Runs `command` under `xtask measure`; returns its output and its cost.
pub(crate) fn measured(command: &Command) -> Result<(String, Cost)> {
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let report = folder.path().join("cost.json");
    let output = wrapped(command, &report)?
        .output()
        .context("cannot start the measuring process")?;
    let line = crate::workspace::shown(command);
    if !output.status.success() {
        bail!(
            "`{line}` failed:\n{}",
            String::from_utf8_lossy(&output.stderr).trim_end()
        );
    }
    let cost = fs::read(&report).with_context(|| format!("`{line}` left no measurement"))?;
    let stdout = String::from_utf8(output.stdout)
        .with_context(|| format!("`{line}` printed bytes that are no text"))?;
    Ok((stdout, serde_json::from_slice(&cost)?))
}

fn wrapped(command: &Command, report: &Path) -> Result<Command> {
    let mut outer = Command::new(env::current_exe().context("cannot find this program's own file")?);
    outer
        .args(["measure", "--report"])
        .arg(report)
        .arg("--")
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => outer.env(name, value),
            None => outer.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        outer.current_dir(folder);
    }
    outer.stdin(Stdio::null());
    Ok(outer)
}

#[cfg(unix)]
fn children_peak() -> Option<u64> {
    use nix::sys::resource::{UsageWho, getrusage};
    // The unit of ru_maxrss: bytes on Apple's systems, KiB elsewhere.
    let unit = if cfg!(target_vendor = "apple") { 1 } else { 1024 };
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).ok()?;
    u64::try_from(usage.max_rss()).ok().map(|peak| peak * unit)
}

#[cfg(not(unix))]
fn children_peak() -> Option<u64> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_that_of_the_largest_child() {
        let megabytes = 40;
        let status = Command::new("head")
            .args(["-c", &format!("{}", megabytes << 20), "/dev/zero"])
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success());
        let small = children_peak().unwrap();
        // `sort` holds its one long line in memory.
        let status = Command::new("sh")
            .args([
                "-c",
                &format!(
                    "head -c {} /dev/zero | tr '\\0' 'x' | sort > /dev/null",
                    megabytes << 20
                ),
            ])
            .status()
            .unwrap();
        assert!(status.success());
        let large = children_peak().unwrap();
        assert!(large > small + (megabytes << 19), "{small} {large}");
    }
}
