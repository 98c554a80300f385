//! The duplicates of a manifest, recorded in its sidecar.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;

use pleura_core::sha256;
use serde::{Deserialize, Serialize};

use crate::Manifest;

/// The duplicate pairs of a manifest's films, among themselves and with films of other manifests of the same
/// search. Two of its films that are duplicates only by way of films of other manifests are a pair too.
///
/// Films are identified by the digests of their files, so the record stays valid when the manifest is split
/// again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DuplicateRecord {
    /// Name and version of the software.
    pub software: String,
    /// Minimum correlation of films that are not equal.
    #[serde(rename = "least")]
    pub min_correlation: f32,
    /// Digest of the digests of the compared films ([`files_digest`]).
    pub films: String,
    /// The pairs.
    pub pairs: Vec<RecordedPair>,
}

/// Two films that show one radiograph.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedPair {
    /// Digests of the two files.
    pub files: [String; 2],
    /// Names of the two films.
    pub films: [String; 2],
    /// How they match.
    #[serde(flatten)]
    pub kind: MatchKind,
}

/// How two films match.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum MatchKind {
    /// Their files are equal.
    File,
    /// Their pixels are equal.
    Pixels,
    /// They show the same radiograph, with different pixels.
    #[serde(rename = "alike")]
    Similar(Similarity),
    /// Both match films of other manifests that are duplicates of each other.
    Linked,
}

/// The similarity of two films.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Similarity {
    /// Correlation of the locally normalized levels in the overlap, at 192 pixels a side.
    pub correlation: f32,
    /// True if one is the mirror image of the other.
    pub mirrored: bool,
    /// True if one is the negative of the other.
    pub inverted: bool,
    /// Rotation in degrees.
    pub degrees: f32,
    /// Share of the first film's width and height that the second shows; above 1 if the second shows more.
    pub share: [f32; 2],
}

impl DuplicateRecord {
    /// True if the manifest still holds the compared films, in whatever splits.
    pub fn covers(&self, manifest: &Manifest) -> bool {
        self.films == files_digest(manifest)
    }

    /// Pairs of rows of the manifest that must be in one split, with their record. Pairs with films of other
    /// manifests are left out. Of rows that share a file, each is paired with the first one that has a split.
    /// So if the rows are in two splits, one of the pairs is too.
    pub fn rows<'a>(&'a self, manifest: &Manifest) -> Vec<(usize, usize, &'a RecordedPair)> {
        let mut rows: HashMap<&str, Vec<usize>> = HashMap::new();
        for (number, row) in manifest.rows.iter().enumerate() {
            rows.entry(&row.sha256).or_default().push(number);
        }
        let mut pairs = Vec::new();
        let mut seen = HashSet::new();
        for pair in &self.pairs {
            let [one, other] = pair.files.each_ref();
            if !seen.insert((one.min(other), one.max(other))) {
                continue;
            }
            let [ones, others] =
                [one, other].map(|file| rows.get(file.as_str()).map_or(&[][..], Vec::as_slice));
            if one == other {
                let in_split = |row: &&usize| manifest.rows[**row].split.is_some();
                let first = ones.iter().find(in_split).or(ones.first());
                if let Some(&first) = first {
                    let rest = others.iter().filter(|&&other| other != first);
                    pairs.extend(rest.map(|&other| (first, other, pair)));
                }
            } else {
                for &one in ones {
                    pairs.extend(others.iter().map(|&other| (one, other, pair)));
                }
            }
        }
        pairs
    }
}

impl fmt::Display for MatchKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => f.write_str("same file"),
            Self::Pixels => f.write_str("equal pixels"),
            Self::Similar(similarity) => write!(f, "similar ({similarity})"),
            Self::Linked => f.write_str("duplicates of films of another manifest"),
        }
    }
}

impl fmt::Display for Similarity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "correlation {:.2}", self.correlation)?;
        if self.mirrored {
            f.write_str(", mirrored")?;
        }
        if self.inverted {
            f.write_str(", inverted")?;
        }
        if self.degrees.abs() >= 0.75 {
            write!(f, ", rotated by {:.0} degrees", self.degrees.abs())?;
        }
        let [across, down] = self.share.map(|share| 100.0 * share);
        if (across - 100.0).abs() >= 1.5 || (down - 100.0).abs() >= 1.5 {
            write!(f, ", showing {across:.0} x {down:.0} % of it")?;
        }
        Ok(())
    }
}

/// SHA-256 over the digests of a manifest's films, independent of their order.
pub fn files_digest(manifest: &Manifest) -> String {
    let files: BTreeSet<&str> = manifest.rows.iter().map(|row| row.sha256.as_str()).collect();
    let mut digest = sha256::Hasher::new();
    for file in files {
        digest.update(file.as_bytes());
        digest.update(b"\n");
    }
    digest.hex()
}
