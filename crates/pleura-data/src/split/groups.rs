//! Films that must stay together.

use std::collections::HashMap;

use crate::Manifest;
use crate::build::PIXELS;

/// Films of one patient, and of patients who share a film with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    /// Rows of the manifest, ascending.
    pub(crate) rows: Vec<usize>,
}

/// The connected components of films under "same patient", "same file", "same pixels" and the pairs of files, in the order of their first row.
pub(crate) fn of(manifest: &Manifest, together: &[[String; 2]]) -> Vec<Group> {
    let pixels = manifest.note(PIXELS);
    let mut first: HashMap<(u8, &str), usize> = HashMap::new();
    let mut parent: Vec<usize> = (0..manifest.rows.len()).collect();
    for (number, row) in manifest.rows.iter().enumerate() {
        let pixels = pixels.map_or("", |column| row.notes[column].as_str());
        for key in [(0, row.patient.as_str()), (1, row.sha256.as_str()), (2, pixels)] {
            if !key.1.is_empty() {
                let other = *first.entry(key).or_insert(number);
                join(&mut parent, other, number);
            }
        }
    }
    for pair in together {
        if let [Some(&one), Some(&other)] = pair.each_ref().map(|file| first.get(&(1, file.as_str()))) {
            join(&mut parent, one, other);
        }
    }
    let mut groups: Vec<Group> = Vec::new();
    let mut place: HashMap<usize, usize> = HashMap::new();
    for row in 0..manifest.rows.len() {
        let root = root(&mut parent, row);
        let group = *place.entry(root).or_insert_with(|| {
            groups.push(Group { rows: Vec::new() });
            groups.len() - 1
        });
        groups[group].rows.push(row);
    }
    groups
}

/// Puts two things, and all that each is joined with, together. The smaller root stays, so that the outcome does not depend on the order of joins.
pub(crate) fn join(parent: &mut [usize], one: usize, other: usize) {
    let (a, b) = (root(parent, one), root(parent, other));
    parent[a.max(b)] = a.min(b);
}

/// The smallest of the things that one is joined with.
pub(crate) fn root(parent: &mut [usize], mut row: usize) -> usize {
    while parent[row] != row {
        parent[row] = parent[parent[row]];
        row = parent[row];
    }
    row
}
