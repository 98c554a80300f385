//! `pleura doctor`: the machine, and a self-test of the program on it.

mod checks;
pub mod machine;

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;

use crate::console;
use crate::table::Table;
use checks::{Check, Question};
use machine::Machine;

/// Describe this machine and test the program on it.
#[derive(clap::Args)]
pub struct Args {}

/// Describes the machine and runs the self-test; exit code 1 if a check fails.
pub fn run(_: &Args, json: bool) -> Result<ExitCode> {
    let machine = Machine::look();
    let mut out = std::io::stdout().lock();
    if !json {
        write!(out, "{}", machine.table())?;
        writeln!(out)?;
        out.flush()?;
    }
    let checks: Vec<Check> = checks::ALL.iter().map(Question::run).collect();
    let sound = checks.iter().all(|check| check.passed);
    if json {
        let document = json!({"machine": machine, "checks": checks, "sound": sound});
        writeln!(out, "{document:#}")?;
    } else {
        let mut table = Table::with_headings(["self-test", "", "found", ">seconds"]);
        for check in &checks {
            let verdict = if check.passed { "ok" } else { "FAILED" };
            table.row([
                check.name.to_owned(),
                verdict.to_owned(),
                check.found.clone(),
                format!("{:.2}", check.seconds),
            ]);
        }
        write!(out, "{table}")?;
        let verdict = if sound {
            "All checks passed."
        } else {
            "A check failed: do not trust this program's answers on this machine."
        };
        writeln!(out, "\n{verdict}")?;
    }
    Ok(if sound {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(console::FAILED)
    })
}
