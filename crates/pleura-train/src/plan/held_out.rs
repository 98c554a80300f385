//! The patients and films of the held-out splits.

use std::collections::BTreeSet;

use pleura_manifest::{Manifest, Row, Split};

/// Patients and films in the validation or test split of a stage or of a later one. A patient may be in
/// training in one manifest and in the test split of another.
pub(super) struct HeldOut<'a> {
    validation: BTreeSet<(&'a str, &'a str)>,
    test: BTreeSet<(&'a str, &'a str)>,
}

impl<'a> HeldOut<'a> {
    pub(super) fn by(manifests: impl Iterator<Item = &'a Manifest>) -> Self {
        let mut held_out = Self {
            validation: BTreeSet::new(),
            test: BTreeSet::new(),
        };
        for row in manifests.flat_map(|manifest| &manifest.rows) {
            match row.split {
                Some(Split::Validation) => held_out.validation.extend(identities(row)),
                Some(Split::Test) => held_out.test.extend(identities(row)),
                _ => {}
            }
        }
        held_out
    }

    /// True if a film must be left out of its split.
    pub(super) fn forbids(&self, row: &Row) -> bool {
        let among = |set: &BTreeSet<(&str, &str)>| identities(row).any(|identity| set.contains(&identity));
        match row.split {
            Some(Split::Train) => among(&self.validation) || among(&self.test),
            Some(Split::Validation) => among(&self.test),
            _ => false,
        }
    }
}

/// The patient of a film, and the digest of its file.
fn identities(row: &Row) -> impl Iterator<Item = (&str, &str)> {
    let patient = (!row.patient.is_empty()).then_some((row.dataset.as_str(), row.patient.as_str()));
    let film = (!row.sha256.is_empty()).then_some(("\0sha256", row.sha256.as_str()));
    patient.into_iter().chain(film)
}

/// Takes each film out of its split if the other manifest has its patient or its file.
pub fn exclude_patients_of(manifest: &mut Manifest, other: &Manifest) {
    let known: BTreeSet<(&str, &str)> = other.rows.iter().flat_map(identities).collect();
    for row in &mut manifest.rows {
        if identities(row).any(|identity| known.contains(&identity)) {
            row.split = None;
        }
    }
}
