//! Manifests made from another one by changing only splits: single folds, fewer training films.

use std::path::{Path, PathBuf};

use crate::ManifestFolder;
use crate::sidecar::Sidecar;
use crate::{Error, Manifest};

/// The record beside a set of phantoms, by which reports recognise it.
const PHANTOMS: &str = "phantoms.json";

/// Writes `manifest`, made from the one in the file `origin`, to `out`. Paths are adapted. The sidecar is
/// that of the origin and names it. Returns the manifest as written. An existing file with the same content
/// is kept.
///
/// # Errors
/// [`Error::Split`] if `out` holds another manifest; errors of reading and writing.
pub fn write_derived(manifest: &Manifest, origin: &Path, out: &Path) -> Result<Manifest, Error> {
    let mut made = manifest.clone();
    made.relocate(out)?;
    if out.exists() {
        if Manifest::read(out)?.digest() != made.digest() {
            return Err(Error::Split(format!(
                "{}: was made from another manifest, or with other folds, parts or seeds; undo the change, or choose another folder",
                out.display()
            )));
        }
        return Ok(made);
    }
    // Manifests made from a derived one are derived from the first: the films are the same.
    let first = origin_of(origin)?.unwrap_or_else(|| origin.to_path_buf());
    let mut sidecar = Sidecar::read(origin)?.unwrap_or_else(|| Sidecar::bare(&made));
    sidecar.describe(&made);
    sidecar.split = None;
    sidecar.made_from = Some(ManifestFolder::of_file(out)?.path(&first)?);
    sidecar.write(out)?;
    let phantoms = origin.with_file_name(PHANTOMS);
    if phantoms.exists() {
        let beside = out.with_file_name(PHANTOMS);
        std::fs::copy(&phantoms, &beside).map_err(Error::io("copy", &phantoms))?;
    }
    // Written last: if it exists, the other files exist too.
    made.write(out)?;
    Ok(made)
}

/// The manifest that a manifest was made from by [`write_derived`]; `None` for others.
pub(crate) fn origin_of(manifest: &Path) -> Result<Option<PathBuf>, Error> {
    let made_from = Sidecar::read(manifest)?.and_then(|sidecar| sidecar.made_from);
    let folder = manifest.parent().unwrap_or(Path::new(""));
    Ok(made_from.map(|origin| folder.join(origin)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access_log::{self, TestAccess, TestAccessLog};
    use crate::{Row, Split, split_file};

    #[test]
    fn looks_at_copies_are_kept_with_what_they_were_made_of() {
        let folder = tempfile::tempdir().unwrap();
        let origin = folder.path().join("films.csv");
        let mut manifest = Manifest::new(folder.path(), vec!["sick".into()]);
        manifest.rows = (0..12)
            .map(|film| Row {
                film: format!("film-{film}"),
                path: format!("film-{film}.png").into(),
                sha256: format!("{film:064}"),
                dataset: "made".into(),
                patient: format!("patient-{film}"),
                split: Some(Split::Train),
                labels: vec![crate::Label::Positive],
                ..Row::default()
            })
            .collect();
        manifest.write(&origin).unwrap();
        assert_eq!(access_log::file_of(&origin).unwrap(), access_log::path(&origin));
        let mut copies = Vec::new();
        for fold in 0..2 {
            let mut of_fold = manifest.clone();
            of_fold.rows[fold].split = Some(Split::Test);
            let out = folder.path().join(format!("fold-{fold}/manifest.csv"));
            std::fs::create_dir(out.parent().unwrap()).unwrap();
            let made = write_derived(&of_fold, &origin, &out).unwrap();
            let file = access_log::file_of(&out).unwrap();
            assert_eq!(file, access_log::path(&std::path::absolute(&origin).unwrap()));
            access_log::record_once(
                &file,
                &TestAccess::now(&made, 1, &format!("model {fold}"), "train"),
            )
            .unwrap();
            copies.push((out, made));
        }
        // One log for both folds; the digests of the test films tell them apart.
        let found = TestAccessLog::read(&access_log::path(&origin)).unwrap();
        assert_eq!(found.entries.len(), 2);
        for (fold, (_, made)) in copies.iter().enumerate() {
            let at = found.of_test(&made.films_digest(&access_log::tested(made)));
            assert_eq!(
                (at.len(), at[0].model.as_str()),
                (1, format!("model {fold}").as_str())
            );
        }
        // Derived again: the origin stays the first manifest. Split again: a manifest of its own.
        let (copy, made) = &copies[0];
        let again = folder.path().join("again.csv");
        write_derived(made, copy, &again).unwrap();
        assert_eq!(
            access_log::file_of(&again).unwrap(),
            access_log::file_of(copy).unwrap()
        );
        assert_eq!(
            Sidecar::read(&again).unwrap().unwrap().made_from.as_deref(),
            Some(Path::new("films.csv"))
        );
        split_file(&again, &again, &crate::SplitOptions::default()).unwrap();
        assert_eq!(access_log::file_of(&again).unwrap(), access_log::path(&again));
    }
}
