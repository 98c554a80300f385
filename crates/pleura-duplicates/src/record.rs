//! The record of a search, kept beside a manifest.

use std::collections::HashMap;

use pleura_manifest::{DisjointSets, How, LeakRecord, Manifest, RecordedPair, files_digest};

use crate::look::{Look, Pair};

impl Look {
    /// What a look found that concerns one of its manifests, by the manifest's number.
    pub fn record(&self, number: usize, manifest: &Manifest) -> LeakRecord {
        let concerns = |pair: &&Pair| pair.one.manifest == number || pair.other.manifest == number;
        let mut pairs: Vec<&Pair> = self.pairs.iter().collect();
        let links = links(&pairs, &concerns, manifest);
        pairs.retain(concerns);
        let pairs = pairs.into_iter().map(|pair| RecordedPair {
            files: [pair.one.sha256.clone(), pair.other.sha256.clone()],
            films: [pair.one.film.clone(), pair.other.film.clone()],
            how: pair.how,
        });
        LeakRecord {
            software: concat!("pleura ", env!("CARGO_PKG_VERSION")).to_string(),
            least: self.least,
            films: files_digest(manifest),
            pairs: pairs.chain(links).collect(),
        }
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
    let mut known = DisjointSets::new(numbers.len());
    let (mut equal, mut all) = (known.clone(), known.clone());
    for (pair, [one, other]) in pairs.iter().zip(files) {
        all.join(one, other);
        if matches!(pair.how, How::File | How::Pixels) {
            equal.join(one, other);
        }
        if one.max(other) < own.len() && concerns(pair) {
            known.join(one, other);
        }
    }
    let mut links = Vec::new();
    for (sets, how) in [(&mut equal, How::Pixels), (&mut all, How::Linked)] {
        let mut firsts: HashMap<usize, usize> = HashMap::new();
        for file in 0..own.len() {
            let first = *firsts.entry(sets.root(file)).or_insert(file);
            if known.root(first) != known.root(file) {
                known.join(first, file);
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
