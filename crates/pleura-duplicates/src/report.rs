//! The result of a search for duplicates.

use std::collections::BTreeMap;
use std::path::PathBuf;

use pleura_manifest::{MatchKind, Remark, Split};
use serde::Serialize;

/// The duplicates among the films of some manifests.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DuplicateReport {
    /// Names of the manifests, as given.
    pub manifests: Vec<String>,
    /// Number of films in all manifests.
    pub films: usize,
    /// Films that cannot be read or whose file has changed. The report does not cover them.
    pub unread: usize,
    /// Pairs that the hash index returned.
    pub candidates: usize,
    /// Candidates whose films were opened again.
    pub opened: usize,
    /// Minimum correlation of films that are not equal.
    #[serde(rename = "least")]
    pub min_correlation: f32,
    /// Patients with films in two splits, over all manifests. Unsplit manifests count as in [`Pair::across`].
    pub patients: Vec<PatientInTwoSplits>,
    /// Pairs of films that show one radiograph. Pairs in two splits come first.
    pub pairs: Vec<Pair>,
    /// Remarks for the reader.
    pub remarks: Vec<Remark>,
}

/// A patient with films in two splits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PatientInTwoSplits {
    /// The patient.
    pub patient: String,
    /// Films in each split.
    pub films: BTreeMap<String, Vec<String>>,
}

/// One film of one manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageRef {
    /// Index of its manifest in [`DuplicateReport::manifests`].
    pub manifest: usize,
    /// Its name.
    pub film: String,
    /// Its file.
    pub path: PathBuf,
    /// Digest of its file.
    pub sha256: String,
    /// Its dataset.
    pub dataset: String,
    /// Its patient.
    pub patient: String,
    /// Its split.
    pub split: Option<Split>,
}

/// Two films that show one radiograph.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pair {
    /// The first film.
    pub one: ImageRef,
    /// The second film.
    pub other: ImageRef,
    /// How they match.
    #[serde(rename = "how")]
    pub kind: MatchKind,
    /// True if both manifests name the same patient.
    pub same_patient: bool,
    /// True if the films are in two splits. If one manifest is split and another is not, the films of the
    /// unsplit one count as test films.
    pub across: bool,
}

impl DuplicateReport {
    /// True if every film was compared and neither a patient nor a pair is in two splits.
    pub fn passed(&self) -> bool {
        self.unread == 0 && self.patients.is_empty() && !self.pairs.iter().any(|pair| pair.across)
    }

    /// Number of pairs in two splits.
    pub fn across(&self) -> usize {
        self.pairs.iter().filter(|pair| pair.across).count()
    }
}
