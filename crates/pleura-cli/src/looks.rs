//! The command line as it is recorded with an access to test films.

use std::path::Path;

use anyhow::Result;
use pleura::{Caller, Classifier, test_access};
use pleura_manifest::Manifest;

use crate::console;

/// Runs the library's work as this program: with its command line, progress bars and notes.
pub fn as_program<T>(work: impl FnOnce(Caller<'_>) -> T) -> T {
    let command = command();
    console::watched(|progress| {
        work(Caller {
            command: &command,
            progress,
            note: &|note| console::note(note),
        })
    })
}

/// The arguments of the program, quoted for a shell.
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

/// Records that a model answers test films among `rows` ([`test_access::record`]).
pub fn log(path: &Path, manifest: &Manifest, rows: &[usize], model: &Classifier) -> Result<()> {
    Ok(as_program(|caller| {
        test_access::record(path, manifest, rows, model, caller)
    })?)
}
