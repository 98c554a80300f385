//! Virtual environments for the chores that compare with Python programs. Nothing of the product needs them.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::workspace;

/// A Python with the packages of `requirements` (relative to the root).
///
/// `variable` may name an interpreter to use as it is; else `.venv/NAME` is made, once for each state of the
/// file.
pub(crate) fn interpreter(name: &str, requirements: &str, variable: &str) -> Result<PathBuf> {
    if let Some(chosen) = env::var_os(variable) {
        let chosen = PathBuf::from(chosen);
        if !workspace::answers(&chosen.to_string_lossy(), &["--version"]) {
            bail!(
                "{variable} names {}, which does not start; unset it or name a Python",
                chosen.display()
            );
        }
        println!("using {} ({variable})", chosen.display());
        return Ok(chosen);
    }
    let requirements = workspace::root().join(requirements);
    let folder = workspace::root().join(".venv").join(name);
    make(&folder, &requirements).with_context(|| {
        format!(
            "no virtual environment at {}; with a Python that has the packages of {}, set {variable}=/path/to/python",
            workspace::relative(&folder).display(),
            workspace::relative(&requirements).display()
        )
    })?;
    Ok(python_of(&folder))
}

fn make(folder: &Path, requirements: &Path) -> Result<()> {
    let wanted = fs::read(requirements)
        .with_context(|| format!("cannot read {}", workspace::relative(requirements).display()))?;
    // A copy, written last, so that an installation that was cut off is begun again.
    let stamp = folder.join("requirements.txt");
    if fs::read(&stamp).is_ok_and(|made| made == wanted) {
        return Ok(());
    }
    println!(
        "making {} (downloads packages, once)",
        workspace::relative(folder).display()
    );
    let system = system_python()?;
    workspace::run(Command::new(system).args(["-m", "venv", "--clear"]).arg(folder))
        .context("python3 -m venv does not work; on Debian: apt-get install python3-venv")?;
    let python = python_of(folder);
    workspace::run(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--requirement"])
            .arg(requirements),
    )?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(())
}

fn system_python() -> Result<&'static str> {
    ["python3", "python"]
        .into_iter()
        .find(|program| workspace::answers(program, &["--version"]))
        .context("no python3 on the PATH; on Debian: apt-get install python3 python3-venv")
}

fn python_of(folder: &Path) -> PathBuf {
    if cfg!(windows) {
        folder.join("Scripts").join("python.exe")
    } else {
        folder.join("bin").join("python")
    }
}
