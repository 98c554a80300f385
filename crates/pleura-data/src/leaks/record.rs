//! What a look found, kept beside the manifest.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::look::{How, Look, Pair};
use crate::Manifest;

/// The pairs of a manifest's films with each other, and with films of other manifests looked at together with it.
///
/// Films are named by the digests of their files, so that it stays true when films are split anew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeakRecord {
    /// Name and version of the software that looked.
    pub software: String,
    /// Correlation from which films count as alike.
    pub least: f32,
    /// Digest of the digests of the films that were looked at.
    pub films: String,
    /// The pairs.
    pub pairs: Vec<RecordedPair>,
}

/// Two films that are one radiograph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedPair {
    /// Digests of the two files.
    pub files: [String; 2],
    /// What the films were called.
    pub films: [String; 2],
    /// Why they count as one.
    #[serde(flatten)]
    pub how: How,
}

impl LeakRecord {
    /// What a look found that concerns one of its manifests, by the manifest's number.
    pub fn new(look: &Look, number: usize, manifest: &Manifest) -> Self {
        let concerns = |pair: &&Pair| pair.one.manifest == number || pair.other.manifest == number;
        let pairs = look.pairs.iter().filter(concerns).map(|pair| RecordedPair {
            files: [pair.one.sha256.clone(), pair.other.sha256.clone()],
            films: [pair.one.film.clone(), pair.other.film.clone()],
            how: pair.how,
        });
        Self {
            software: concat!("pleura ", env!("CARGO_PKG_VERSION")).to_string(),
            least: look.least,
            films: digest(manifest),
            pairs: pairs.collect(),
        }
    }

    /// Whether it was made of the films that the manifest has now, however they are split.
    pub fn is_of(&self, manifest: &Manifest) -> bool {
        self.films == digest(manifest)
    }

    /// Rows of the manifest that must not be in two splits, and why; pairs with films of other manifests are left out.
    pub fn rows<'a>(&'a self, manifest: &Manifest) -> Vec<(usize, usize, &'a RecordedPair)> {
        let mut rows: HashMap<&str, Vec<usize>> = HashMap::new();
        for (number, row) in manifest.rows.iter().enumerate() {
            rows.entry(&row.sha256).or_default().push(number);
        }
        let mut pairs = Vec::new();
        for pair in &self.pairs {
            let [one, other] = pair
                .files
                .each_ref()
                .map(|file| rows.get(file.as_str()).map_or(&[][..], Vec::as_slice));
            for &one in one {
                pairs.extend(
                    other
                        .iter()
                        .filter(|&&other| other != one)
                        .map(|&other| (one, other, pair)),
                );
            }
        }
        // Equal files are each other's partner: such a pair is met from both sides.
        let mut seen = BTreeSet::new();
        pairs.retain(|&(one, other, _)| seen.insert((one.min(other), one.max(other))));
        pairs
    }
}

/// SHA-256 over the films' own digests, whatever their order.
fn digest(manifest: &Manifest) -> String {
    let files: BTreeSet<&str> = manifest.rows.iter().map(|row| row.sha256.as_str()).collect();
    let mut digest = Sha256::new();
    for file in files {
        digest.update(file.as_bytes());
        digest.update(b"\n");
    }
    base16ct::lower::encode_string(&digest.finalize())
}
