//! Manifests made of another by changing nothing but splits: one fold, fewer training films.

use std::path::Path;

use crate::sidecar::Sidecar;
use crate::{Error, Manifest};

/// What a set of phantoms has beside its manifest, and by which a report knows it.
const PHANTOMS: &str = "phantoms.json";

/// Writes a manifest that was made of the one in the file `origin` to `out`, with paths that hold there and with the origin's account of
/// where films come from. Returns it as it was written; a file that is there already and holds the same is left alone.
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
    if let Some(mut sidecar) = Sidecar::read(origin)? {
        sidecar.describe(&made);
        sidecar.split = None;
        sidecar.write(out)?;
    }
    let phantoms = origin.with_file_name(PHANTOMS);
    if phantoms.exists() {
        let beside = out.with_file_name(PHANTOMS);
        std::fs::copy(&phantoms, &beside).map_err(Error::io("cannot copy", &phantoms))?;
    }
    // Last, because its presence means that the rest is there.
    made.write(out)?;
    Ok(made)
}
