//! Every look at a test split is written down ([`pleura_manifest::access_log`]).

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context as _, Result};
use pleura::Classifier;
use pleura_manifest::Manifest;
use pleura_manifest::access_log::{self, TestAccess};
use pleura_run::RunFolder;

use crate::console;

/// What the program was called with, as the account of looks and the report show it.
pub fn command() -> String {
    let quoted = |argument: std::ffi::OsString| {
        let argument = argument.to_string_lossy().into_owned();
        let plain = |c: char| c.is_alphanumeric() || "-_./=,:+@%".contains(c);
        if !argument.is_empty() && argument.chars().all(plain) {
            argument
        } else {
            format!("'{}'", argument.replace('\'', "'\\''"))
        }
    };
    let arguments: Vec<String> = std::env::args_os().skip(1).map(quoted).collect();
    arguments.join(" ")
}

/// Writes down that a model looks at `rows` of a manifest, where any of them are test films ([`access_log::tested`]); before they are answered, so that a look
/// that cannot be written down does not happen. Where the manifest's folder may not be written to, the account is kept in the run.
///
/// # Errors
/// No place to write it down.
pub fn log(path: &Path, manifest: &Manifest, rows: &[usize], model: &Classifier) -> Result<()> {
    let test: HashSet<usize> = access_log::tested(manifest).into_iter().collect();
    let tested = rows.iter().filter(|row| test.contains(row)).count();
    if tested == 0 {
        return Ok(());
    }
    let look = TestAccess::now(manifest, tested, model.digest(), &command());
    let beside = access_log::file_of(path)?;
    let Err(error) = access_log::record(&beside, &look) else {
        return Ok(());
    };
    let run = model.run().map(|run| RunFolder::new(run).test_access_log());
    match run.filter(|file| access_log::record(file, &look).is_ok()) {
        Some(file) => {
            console::note(format_args!(
                "{error}; the look at the test films is written down in {} instead",
                file.display()
            ));
            Ok(())
        }
        None => Err(error).context("a look at test films must be written down; make the manifest's folder writable, or copy the manifest to one that is"),
    }
}
