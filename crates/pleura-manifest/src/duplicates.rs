//! What a look found, kept beside the manifest.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;

use pleura_core::sha256;
use serde::{Deserialize, Serialize};

use crate::Manifest;

/// The pairs of a manifest's films with each other, and with films of other manifests looked at together with it. Two of its films that are one
/// radiograph with films of other manifests only are a pair too.
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

/// Why two films count as one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum How {
    /// Their files are equal.
    File,
    /// Their pixels are equal.
    Pixels,
    /// They show the same, though nothing in them is equal.
    Alike(Likeness),
    /// Each counts as one radiograph with a film of another manifest, and that, or one that is one with it, with the other.
    Linked,
}

/// How one film lies in another.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Likeness {
    /// Correlation of the two films' evened levels where they overlap, at 192 pixels a side.
    pub correlation: f32,
    /// Whether one is the other's mirror image.
    pub mirrored: bool,
    /// Whether one is the other's negative.
    pub inverted: bool,
    /// By how many degrees one is turned.
    pub degrees: f32,
    /// What of the one film's width and height the other shows; above 1 where the other shows more.
    pub share: [f32; 2],
}

impl LeakRecord {
    /// Whether it was made of the films that the manifest has now, however they are split.
    pub fn is_of(&self, manifest: &Manifest) -> bool {
        self.films == files_digest(manifest)
    }

    /// Rows of the manifest that must not be in two splits, and why; pairs with films of other manifests are left out. Of rows that share a file each
    /// is paired with one of them: the first in a split, so that a pair is in two splits wherever the rows are.
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

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => f.write_str("one file"),
            Self::Pixels => f.write_str("equal pixels"),
            Self::Alike(likeness) => write!(f, "alike ({likeness})"),
            Self::Linked => f.write_str("one radiograph by way of films of another manifest"),
        }
    }
}

impl fmt::Display for Likeness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "correlation {:.2}", self.correlation)?;
        if self.mirrored {
            f.write_str(", mirrored")?;
        }
        if self.inverted {
            f.write_str(", inverted")?;
        }
        if self.degrees.abs() >= 0.75 {
            write!(f, ", turned by {:.0} degrees", self.degrees.abs())?;
        }
        let [across, down] = self.share.map(|share| 100.0 * share);
        if (across - 100.0).abs() >= 1.5 || (down - 100.0).abs() >= 1.5 {
            write!(f, ", {across:.0} x {down:.0} % of it")?;
        }
        Ok(())
    }
}

/// SHA-256 over the films' own digests, whatever their order.
pub fn files_digest(manifest: &Manifest) -> String {
    let files: BTreeSet<&str> = manifest.rows.iter().map(|row| row.sha256.as_str()).collect();
    let mut digest = sha256::Hasher::new();
    for file in files {
        digest.update(file.as_bytes());
        digest.update(b"\n");
    }
    digest.hex()
}
