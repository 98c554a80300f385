//! What a look found, kept beside the manifest.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::look::{How, Look, Pair};
use crate::Manifest;
use crate::split::groups::{join, root};

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

impl LeakRecord {
    /// What a look found that concerns one of its manifests, by the manifest's number.
    pub fn new(look: &Look, number: usize, manifest: &Manifest) -> Self {
        let concerns = |pair: &&Pair| pair.one.manifest == number || pair.other.manifest == number;
        let mut pairs: Vec<&Pair> = look.pairs.iter().collect();
        let links = links(&pairs, &concerns, manifest);
        pairs.retain(concerns);
        let pairs = pairs.into_iter().map(|pair| RecordedPair {
            files: [pair.one.sha256.clone(), pair.other.sha256.clone()],
            films: [pair.one.film.clone(), pair.other.film.clone()],
            how: pair.how,
        });
        Self {
            software: concat!("pleura ", env!("CARGO_PKG_VERSION")).to_string(),
            least: look.least,
            films: digest(manifest),
            pairs: pairs.chain(links).collect(),
        }
    }

    /// Whether it was made of the films that the manifest has now, however they are split.
    pub fn is_of(&self, manifest: &Manifest) -> bool {
        self.films == digest(manifest)
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

/// Films of a manifest that films of other manifests make one radiograph, as far as the pairs that concern it do not say so. Where the record is
/// read, nobody knows those other films.
fn links(pairs: &[&Pair], concerns: &dyn Fn(&&Pair) -> bool, manifest: &Manifest) -> Vec<RecordedPair> {
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    let mut own = Vec::new();
    for row in &manifest.rows {
        numbers.entry(&row.sha256).or_insert_with(|| {
            own.push(row);
            own.len() - 1
        });
    }
    let mut number = |file| {
        let next = numbers.len();
        *numbers.entry(file).or_insert(next)
    };
    let files: Vec<[usize; 2]> = pairs
        .iter()
        .map(|pair| [number(&pair.one.sha256), number(&pair.other.sha256)])
        .collect();
    let mut known: Vec<usize> = (0..numbers.len()).collect();
    let (mut equal, mut all) = (known.clone(), known.clone());
    for (pair, [one, other]) in pairs.iter().zip(files) {
        join(&mut all, one, other);
        if matches!(pair.how, How::File | How::Pixels) {
            join(&mut equal, one, other);
        }
        if one.max(other) < own.len() && concerns(pair) {
            join(&mut known, one, other);
        }
    }
    let mut links = Vec::new();
    for (parents, how) in [(&mut equal, How::Pixels), (&mut all, How::Linked)] {
        let mut firsts: HashMap<usize, usize> = HashMap::new();
        for file in 0..own.len() {
            let first = *firsts.entry(root(parents, file)).or_insert(file);
            if root(&mut known, first) != root(&mut known, file) {
                join(&mut known, first, file);
                let films = [own[first], own[file]];
                links.push(RecordedPair {
                    files: films.map(|row| row.sha256.clone()),
                    films: films.map(|row| row.film.clone()),
                    how,
                });
            }
        }
    }
    links
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
