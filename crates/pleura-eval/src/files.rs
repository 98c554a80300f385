//! Files written completely or not at all.

use std::path::Path;

use crate::Error;

/// Lets `fill` write a temporary file beside `path`, then renames it to `path`.
pub(crate) fn write(
    path: &Path,
    fill: impl FnOnce(&Path) -> Result<(), std::io::Error>,
) -> Result<(), Error> {
    let failed = |action| {
        let path = path.to_owned();
        move |source| Error::Io { path, action, source }
    };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".partial-{}", std::process::id()));
    let partial = path.with_file_name(name);
    let outcome = fill(&partial).map_err(failed("write")).and_then(|()| {
        std::fs::rename(&partial, path).map_err(failed("rename the finished file into place"))
    });
    if outcome.is_err() {
        // Report the first error; the partial file may not exist.
        let _ = std::fs::remove_file(&partial);
    }
    outcome
}
