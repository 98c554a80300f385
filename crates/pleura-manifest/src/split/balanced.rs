//! Test splits with the same number of films of each class.

use super::groups::Group;
use crate::{Error, Manifest};
use pleura_core::rng::{Scheme, shuffle, stream};

/// Number of random orders to try.
const TRIES: u64 = 64;

/// Groups that together have exactly `films` films of each class.
///
/// Whole groups are taken in random order if they fit; small groups fill the gaps.
pub(super) fn test(
    manifest: &Manifest,
    groups: &[Group],
    films: usize,
    seed: u64,
) -> Result<Vec<usize>, Error> {
    let classes = manifest.classes();
    if let Some(row) = classes.iter().position(Option::is_none) {
        return Err(Error::Split(format!(
            "a balanced test needs exclusive classes, but film {} has not exactly one positive finding; build with a class map",
            manifest.rows[row].film
        )));
    }
    let count = manifest.findings.len();
    let tally = |group: &Group| {
        let mut tally = vec![0; count];
        for class in group.rows.iter().filter_map(|&row| classes[row]) {
            tally[class] += 1;
        }
        tally
    };
    let tallies: Vec<Vec<usize>> = groups.iter().map(tally).collect();
    let totals: Vec<usize> = (0..count)
        .map(|class| tallies.iter().map(|tally| tally[class]).sum())
        .collect();
    if let Some(class) = (0..count).find(|&class| totals[class] < films) {
        return Err(Error::Split(format!(
            "a balanced test of {films} films a class: {} has {} films in all",
            manifest.findings[class], totals[class]
        )));
    }
    let mut best = Vec::new();
    for attempt in 0..TRIES {
        let mut rng = stream(Scheme::Sha256, seed, &[b"balanced test", &attempt.to_le_bytes()]);
        let mut order: Vec<usize> = (0..groups.len()).collect();
        shuffle(&mut order, &mut rng);
        let mut have = vec![0; count];
        let mut taken = Vec::new();
        let mut later = Vec::new();
        let mut take = |group: usize, have: &mut Vec<usize>| {
            let fits = (0..count).all(|class| have[class] + tallies[group][class] <= films);
            if fits {
                (0..count).for_each(|class| have[class] += tallies[group][class]);
                taken.push(group);
            }
            fits
        };
        // Random order keeps the mix of large and small groups. A second pass fills the gaps.
        for group in order {
            if !take(group, &mut have) {
                later.push(group);
            }
        }
        later.sort_by_key(|&group| groups[group].rows.len());
        for group in later {
            take(group, &mut have);
        }
        if have.iter().all(|&have| have == films) {
            taken.sort_unstable();
            return Ok(taken);
        }
        if have.iter().sum::<usize>() > best.iter().sum() {
            best = have;
        }
    }
    let reached: Vec<String> = manifest
        .findings
        .iter()
        .zip(&best)
        .map(|(finding, have)| format!("{have} of {finding}"))
        .collect();
    Err(Error::Split(format!(
        "a balanced test of {films} films a class cannot be put together from whole patients; the nearest was {}; ask for fewer",
        reached.join(", ")
    )))
}
