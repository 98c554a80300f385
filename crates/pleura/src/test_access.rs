//! Records accesses of models to test films in the test access log.

use std::collections::HashSet;
use std::path::Path;

use pleura_manifest::Manifest;
use pleura_manifest::access_log::{self, TestAccess};
use pleura_run::RunFolder;

use crate::evaluate::Caller;
use crate::{Classifier, Error};

/// Records that a model answers `rows` of a manifest, if any of them are test films ([`access_log::tested`]).
/// Call it before the films are answered, so that no access stays unrecorded. The log is beside the manifest;
/// if its folder is read-only, the log is in the run's folder, and the caller gets a note.
///
/// # Errors
/// [`Error::TestAccess`] if neither log can be written.
pub fn record(
    path: &Path,
    manifest: &Manifest,
    rows: &[usize],
    model: &Classifier,
    caller: Caller<'_>,
) -> Result<(), Error> {
    let test: HashSet<usize> = access_log::tested(manifest).into_iter().collect();
    let tested = rows.iter().filter(|row| test.contains(row)).count();
    if tested == 0 {
        return Ok(());
    }
    let access = TestAccess::now(manifest, tested, model.digest(), caller.command);
    let beside = access_log::file_of(path)?;
    let Err(error) = access_log::record(&beside, &access) else {
        return Ok(());
    };
    let run = model.run().map(|run| RunFolder::new(run).test_access_log());
    match run.filter(|file| access_log::record(file, &access).is_ok()) {
        Some(file) => {
            (caller.note)(&format!(
                "{error}; the access to the test films is recorded in {} instead",
                file.display()
            ));
            Ok(())
        }
        None => Err(Error::TestAccess(error)),
    }
}
