//! Films that must stay together.

use std::collections::HashMap;

use crate::{DisjointSets, Manifest, PIXELS};

/// Films of one patient, and of patients who share a film with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    /// Rows of the manifest, ascending.
    pub(crate) rows: Vec<usize>,
}

/// Connected components of films under "same patient", "same file", "same pixels" and the given pairs of
/// files, in the order of their first row.
pub(crate) fn of(manifest: &Manifest, together: &[[String; 2]]) -> Vec<Group> {
    let pixels = manifest.note(PIXELS);
    let mut first: HashMap<(u8, &str), usize> = HashMap::new();
    let mut sets = DisjointSets::new(manifest.rows.len());
    for (number, row) in manifest.rows.iter().enumerate() {
        let pixels = pixels.map_or("", |column| row.notes[column].as_str());
        for key in [(0, row.patient.as_str()), (1, row.sha256.as_str()), (2, pixels)] {
            if !key.1.is_empty() {
                let other = *first.entry(key).or_insert(number);
                sets.join(other, number);
            }
        }
    }
    for pair in together {
        if let [Some(&one), Some(&other)] = pair.each_ref().map(|file| first.get(&(1, file.as_str()))) {
            sets.join(one, other);
        }
    }
    let mut groups: Vec<Group> = Vec::new();
    let mut place: HashMap<usize, usize> = HashMap::new();
    for row in 0..manifest.rows.len() {
        let root = sets.root(row);
        let group = *place.entry(root).or_insert_with(|| {
            groups.push(Group { rows: Vec::new() });
            groups.len() - 1
        });
        groups[group].rows.push(row);
    }
    groups
}
