//! Nested subsets of the training films, for a learning curve.

use std::collections::HashSet;

use crate::split::groups;
use crate::split::stratify;
use crate::{Error, Manifest};
use pleura_core::rng::{Scheme, stream};

/// Nested subsets of `rows` with the given `parts` of the films, in the order of `parts`.
///
/// Patients, and patients who share a film, are kept or left out as a whole, stratified by finding and
/// dataset. So every subset keeps the mix. A part of 1 is all rows. The seed decides who is left out.
///
/// # Errors
/// A part that is not above 0 and at most 1, or too small for any film.
pub fn nested_subsets(
    manifest: &Manifest,
    rows: &[usize],
    parts: &[f64],
    seed: u64,
) -> Result<Vec<Vec<usize>>, Error> {
    if let Some(part) = parts.iter().find(|part| !(**part > 0.0 && **part <= 1.0)) {
        return Err(Error::Split(format!(
            "part {part} of the training films: expected more than 0, and at most 1"
        )));
    }
    let wanted: HashSet<usize> = rows.iter().copied().collect();
    let mut groups = groups::of(manifest, &[]);
    for group in &mut groups {
        group.rows.retain(|row| wanted.contains(row));
    }
    groups.retain(|group| !group.rows.is_empty());

    let mut descending: Vec<usize> = (0..parts.len()).collect();
    descending.sort_by(|&a, &b| parts[b].total_cmp(&parts[a]));
    let mut left: Vec<usize> = (0..groups.len()).collect();
    let mut of_left = 1.0;
    let mut sets = vec![Vec::new(); parts.len()];
    for (rung, &place) in descending.iter().enumerate() {
        let share = parts[place] / of_left;
        if share < 1.0 {
            let name: [&[u8]; 2] = [b"subset of films", &(rung as u64).to_le_bytes()];
            let rng = stream(Scheme::Sha256, seed, &name);
            let dealt = stratify::parts(manifest, &groups, &left, &[share, 1.0 - share], rng)?;
            left = left
                .into_iter()
                .zip(dealt)
                .filter(|one| one.1 == 0)
                .map(|one| one.0)
                .collect();
            of_left = parts[place];
        }
        let mut set: Vec<usize> = left
            .iter()
            .flat_map(|&group| groups[group].rows.iter().copied())
            .collect();
        if set.is_empty() {
            return Err(Error::Split(format!(
                "a part of {} of {} training films leaves none; ask for more",
                parts[place],
                rows.len()
            )));
        }
        set.sort_unstable();
        sets[place] = set;
    }
    Ok(sets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Label, Row, Split};

    fn films() -> Manifest {
        let mut manifest = Manifest::new("", vec!["sick".into()]);
        for film in 0..400 {
            manifest.rows.push(Row {
                film: film.to_string(),
                sha256: format!("{film:064}"),
                patient: format!("p{}", film / 2),
                split: Some(if film < 80 { Split::Test } else { Split::Train }),
                labels: vec![if film / 2 % 5 == 0 {
                    Label::Positive
                } else {
                    Label::Negative
                }],
                ..Row::default()
            });
        }
        manifest
    }

    #[test]
    fn subsets_are_nested_stratified_and_whole_in_patients() {
        let manifest = films();
        let rows = manifest.split(Split::Train);
        let parts = [0.25, 1.0, 0.1, 0.5];
        let sets = nested_subsets(&manifest, &rows, &parts, 3).unwrap();
        assert_eq!(sets[1], rows);
        for (set, part) in sets.iter().zip(parts) {
            let expected = part * rows.len() as f64;
            assert!(
                (set.len() as f64 - expected).abs() <= 4.0,
                "{} for {part}",
                set.len()
            );
            let sick = set
                .iter()
                .filter(|&&row| manifest.rows[row].labels[0] == Label::Positive)
                .count();
            assert!(
                (sick as f64 - 0.2 * expected).abs() <= 4.0,
                "{sick} sick for {part}"
            );
            assert!(
                set.iter().all(|&row| set.contains(&(row ^ 1))),
                "both films of a patient"
            );
        }
        for (small, large) in [(2, 0), (0, 3), (3, 1)] {
            assert!(sets[small].iter().all(|row| sets[large].contains(row)));
        }
        assert_eq!(sets, nested_subsets(&manifest, &rows, &parts, 3).unwrap());
        assert_ne!(sets[0], nested_subsets(&manifest, &rows, &parts, 4).unwrap()[0]);
        assert!(
            nested_subsets(&manifest, &rows, &[0.0], 3)
                .unwrap_err()
                .to_string()
                .contains("part 0 of")
        );
    }
}
