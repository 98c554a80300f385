//! Manifests made of another by changing nothing but splits: one fold, fewer training films.

use std::path::{Path, PathBuf};

use crate::ManifestFolder;
use crate::sidecar::Sidecar;
use crate::{Error, Manifest};

/// What a set of phantoms has beside its manifest, and by which a report knows it.
const PHANTOMS: &str = "phantoms.json";

/// Writes a manifest that was made of the one in the file `origin` to `out`, with paths that hold there and with the origin's account of
/// where films come from, which names that origin. Returns it as it was written; a file that is there already and holds the same is left alone.
///
/// # Errors
/// [`Error::Split`] where `out` holds another manifest; what reading and writing may bring.
pub fn write_derived(manifest: &Manifest, origin: &Path, out: &Path) -> Result<Manifest, Error> {
    let mut made = manifest.clone();
    made.relocate(out)?;
    if out.exists() {
        if Manifest::read(out)?.digest() != made.digest() {
            return Err(Error::Split(format!(
                "{}: was made of another manifest, or with other folds, parts or seeds; undo the change, or choose another folder",
                out.display()
            )));
        }
        return Ok(made);
    }
    // A copy of a copy is one of the first manifest: its films are the same.
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
    // Last, because its presence means that the rest is there.
    made.write(out)?;
    Ok(made)
}

/// The manifest that the one in a file was made of by [`write_derived`]; `None` where it was made otherwise.
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
        // One account, in which the films tell the folds apart.
        let found = TestAccessLog::read(&access_log::path(&origin)).unwrap();
        assert_eq!(found.entries.len(), 2);
        for (fold, (_, made)) in copies.iter().enumerate() {
            let at = found.of_test(&made.films_digest(&access_log::tested(made)));
            assert_eq!(
                (at.len(), at[0].model.as_str()),
                (1, format!("model {fold}").as_str())
            );
        }
        // A copy of a copy is a copy of the first; one that is split anew is a table of its own.
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
