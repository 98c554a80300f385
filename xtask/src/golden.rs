//! `cargo xtask golden`: runs every `make.py` below `crates/*/tests/golden` and says whether the golden files
//! change.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::{python, workspace};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Keep what the scripts wrote; without it the files are put back as they were.
    #[arg(long)]
    write: bool,
    /// Only this crate's, as `pleura-eval`.
    #[arg(long = "crate", value_name = "CRATE")]
    package: Option<String>,
}

/// A golden folder's files and what is in them.
type Files = BTreeMap<PathBuf, Vec<u8>>;

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let scripts = scripts(args.package.as_deref())?;
    if scripts.is_empty() {
        bail!(
            "no make.py below crates/*/tests/golden{}",
            args.package
                .as_ref()
                .map_or(String::new(), |name| format!(" in {name}"))
        );
    }
    let python = python::interpreter("golden", "xtask/golden/requirements.txt", "PLEURA_GOLDEN_PYTHON")?;
    let mut changed = 0;
    for script in &scripts {
        println!("\n{}", workspace::relative(script).display());
        changed += remake(&python, script, args.write)?;
    }
    println!();
    match (changed, args.write) {
        (0, _) => println!("all golden files are as their scripts make them"),
        (_, true) => println!("{changed} golden files changed and were written"),
        (_, false) => {
            println!("{changed} golden files would change; `cargo xtask golden --write` keeps the new ones");
        }
    }
    Ok(if changed == 0 || args.write {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Every `make.py` below a crate's `tests/golden`.
fn scripts(package: Option<&str>) -> Result<Vec<PathBuf>> {
    let crates = workspace::root().join("crates");
    let mut scripts = Vec::new();
    for entry in fs::read_dir(&crates).with_context(|| format!("cannot list {}", crates.display()))? {
        let entry = entry?;
        let golden = entry.path().join("tests/golden");
        if golden.is_dir() && package.is_none_or(|name| entry.file_name() == name) {
            let files = files_in(&golden)?.into_keys();
            scripts.extend(files.filter(|file| file.file_name().is_some_and(|name| name == "make.py")));
        }
    }
    scripts.sort();
    Ok(scripts)
}

/// Runs one script in place and returns how many files differ from before. Unless `keep`, the old files come
/// back, also where the script fails half-way.
fn remake(python: &Path, script: &Path, keep: bool) -> Result<usize> {
    let folder = script.parent().context("a script lies in a folder")?;
    let before = files_in(folder)?;
    let outcome = workspace::run(
        Command::new(python)
            .arg(script)
            .current_dir(folder)
            .env("PYTHONDONTWRITEBYTECODE", "1"),
    );
    let after = files_in(folder)?;
    if !keep || outcome.is_err() {
        put_back(&before, &after)?;
    }
    outcome?;
    let changes = differences(&before, &after);
    for (path, what) in &changes {
        println!(
            "  {what}  {}",
            path.strip_prefix(folder).unwrap_or(path).display()
        );
    }
    println!("  {} files, {} changed", after.len(), changes.len());
    Ok(changes.len())
}

fn files_in(folder: &Path) -> Result<Files> {
    let mut files = Files::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let content = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
                files.insert(path, content);
            }
        }
    }
    Ok(files)
}

fn differences<'a>(before: &'a Files, after: &'a Files) -> Vec<(&'a Path, &'static str)> {
    let changed = before.iter().filter_map(|(path, old)| match after.get(path) {
        None => Some((path.as_path(), "gone   ")),
        Some(new) if new != old => Some((path.as_path(), "changed")),
        Some(_) => None,
    });
    let new = after
        .keys()
        .filter(|path| !before.contains_key(*path))
        .map(|path| (path.as_path(), "new    "));
    changed.chain(new).collect()
}

fn put_back(before: &Files, after: &Files) -> Result<()> {
    for path in after.keys().filter(|path| !before.contains_key(*path)) {
        fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))?;
    }
    for (path, old) in before {
        if after.get(path) != Some(old) {
            fs::write(path, old).with_context(|| format!("cannot put {} back", path.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_script_changed_is_named_and_put_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for (name, content) in [("same", "1"), ("other", "2"), ("gone", "3")] {
            fs::write(path(name), content).unwrap();
        }
        let before = files_in(folder.path()).unwrap();
        fs::write(path("other"), "changed").unwrap();
        fs::write(path("new"), "4").unwrap();
        fs::remove_file(path("gone")).unwrap();
        let after = files_in(folder.path()).unwrap();
        let names: Vec<_> = differences(&before, &after)
            .iter()
            .map(|(path, _)| path.file_name().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["gone", "other", "new"]);
        put_back(&before, &after).unwrap();
        assert_eq!(files_in(folder.path()).unwrap(), before);
    }
}
