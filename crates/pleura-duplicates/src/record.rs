//! The record of a search, kept beside a manifest.

use std::collections::HashMap;

use pleura_manifest::{DisjointSets, DuplicateRecord, Manifest, MatchKind, RecordedPair, files_digest};

use crate::report::{DuplicateReport, Pair};

impl DuplicateReport {
    /// The record of one of the manifests, for its sidecar. `number` is its index in `manifests`.
    pub fn record(&self, number: usize, manifest: &Manifest) -> DuplicateRecord {
        let concerns = |pair: &&Pair| pair.one.manifest == number || pair.other.manifest == number;
        let mut pairs: Vec<&Pair> = self.pairs.iter().collect();
        let links = links(&pairs, &concerns, manifest);
        pairs.retain(concerns);
        let pairs = pairs.into_iter().map(|pair| RecordedPair {
            files: [pair.one.sha256.clone(), pair.other.sha256.clone()],
            films: [pair.one.film.clone(), pair.other.film.clone()],
            kind: pair.kind,
        });
        DuplicateRecord {
            software: concat!("pleura ", env!("CARGO_PKG_VERSION")).to_string(),
            min_correlation: self.min_correlation,
            films: files_digest(manifest),
            pairs: pairs.chain(links).collect(),
        }
    }
}

/// Pairs of a manifest's own films that are duplicates only by way of films of other manifests. Whoever reads
/// the record does not know those other films, so such pairs are recorded explicitly.
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
    let mut known = DisjointSets::new(numbers.len());
    let (mut equal, mut all) = (known.clone(), known.clone());
    for (pair, [one, other]) in pairs.iter().zip(files) {
        all.join(one, other);
        if matches!(pair.kind, MatchKind::File | MatchKind::Pixels) {
            equal.join(one, other);
        }
        if one.max(other) < own.len() && concerns(pair) {
            known.join(one, other);
        }
    }
    let mut links = Vec::new();
    for (sets, kind) in [(&mut equal, MatchKind::Pixels), (&mut all, MatchKind::Linked)] {
        let mut firsts: HashMap<usize, usize> = HashMap::new();
        for file in 0..own.len() {
            let first = *firsts.entry(sets.root(file)).or_insert(file);
            if known.root(first) != known.root(file) {
                known.join(first, file);
                let films = [own[first], own[file]];
                links.push(RecordedPair {
                    files: films.map(|row| row.sha256.clone()),
                    films: films.map(|row| row.film.clone()),
                    kind,
                });
            }
        }
    }
    links
}
