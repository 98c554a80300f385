//! Films of a stage that have a duplicate in a held-out split of this or a later stage.
//!
//! Equal files and films of one patient are left out of training anyway. Other duplicates are known if
//! `pleura data duplicates` has left its record beside a manifest.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use pleura_manifest::MatchKind;
use pleura_manifest::{Manifest, Sidecar, Split};
use pleura_run::data::Leak;

use crate::error::Error;

/// Films by their digests, each with its duplicates.
#[derive(Debug, Default)]
pub(crate) struct Duplicates(HashMap<String, Vec<(String, MatchKind)>>);

impl Duplicates {
    /// Reads the record beside each of the manifests.
    pub(crate) fn read<'a>(manifests: impl Iterator<Item = &'a Path>) -> Result<Self, Error> {
        let mut copies = Self::default();
        for path in manifests.collect::<BTreeSet<_>>() {
            let record = Sidecar::read(path)?.and_then(|sidecar| sidecar.duplicates);
            for pair in record.into_iter().flat_map(|record| record.pairs) {
                let [one, other] = pair.files;
                if one != other {
                    copies
                        .0
                        .entry(one.clone())
                        .or_default()
                        .push((other.clone(), pair.kind));
                    copies.0.entry(other).or_default().push((one, pair.kind));
                }
            }
        }
        Ok(copies)
    }

    /// Those of `rows`, the training and validation films of a stage, that have a duplicate in a held-out
    /// split of one of `held_out`, the manifests of this stage and of those after it.
    pub(crate) fn leaks<'a>(
        &self,
        manifest: &Manifest,
        rows: impl Iterator<Item = usize>,
        held_out: impl Iterator<Item = &'a Manifest>,
    ) -> Vec<Leak> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let mut judged: BTreeMap<&str, (&str, Split)> = BTreeMap::new();
        for row in held_out.flat_map(|manifest| &manifest.rows) {
            if let Some(split @ (Split::Validation | Split::Test)) = row.split {
                let place = judged.entry(&row.sha256).or_insert((&row.film, split));
                place.1 = place.1.max(split);
            }
        }
        let mut leaks = Vec::new();
        for row in rows.map(|row| &manifest.rows[row]) {
            for (copy, how) in self.0.get(&row.sha256).into_iter().flatten() {
                if let (Some(split), Some(&(film, judged_in))) = (row.split, judged.get(copy.as_str()))
                    && judged_in > split
                {
                    leaks.push(Leak {
                        film: row.film.clone(),
                        split,
                        copy_of: film.to_owned(),
                        judged_in,
                        how: *how,
                    });
                }
            }
        }
        leaks
    }
}
