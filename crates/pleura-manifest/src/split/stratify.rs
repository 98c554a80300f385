//! Stratified assignment of groups of films: every finding of every dataset is divided in the requested
//! parts.

use std::collections::BTreeMap;

use rand::Rng;

use super::groups::Group;
use crate::{Error, Label, Manifest, Split};
use pleura_core::rng::{Scheme, shuffle, stream, unit};

/// Assigns open groups to splits, in the requested parts.
pub(super) fn assign(
    manifest: &Manifest,
    groups: &[Group],
    open: &[usize],
    fractions: [f64; 3],
    seed: u64,
    splits: &mut [Option<Split>],
) -> Result<(), Error> {
    let rng = stream(Scheme::Sha256, seed, &[b"split of groups"]);
    let parts = parts(manifest, groups, open, &fractions, rng)?;
    for (&group, part) in open.iter().zip(parts) {
        splits[group] = Some(Split::ALL[part]);
    }
    Ok(())
}

/// The part of each group of `open`. Parts are sized in proportion to `fractions`.
pub(crate) fn parts(
    manifest: &Manifest,
    groups: &[Group],
    open: &[usize],
    fractions: &[f64],
    mut rng: impl Rng,
) -> Result<Vec<usize>, Error> {
    let whole: f64 = fractions.iter().sum();
    if open.is_empty() {
        return Ok(Vec::new());
    }
    if whole <= 0.0 {
        return Err(Error::Split(
            "no split may take these films: every part is 0".into(),
        ));
    }
    let strata = strata(manifest, groups, open);
    let count = strata
        .iter()
        .flat_map(|group| group.iter().map(|&(stratum, _)| stratum + 1))
        .max()
        .unwrap_or(0);
    let mut totals = vec![0.0; count];
    for &(stratum, films) in strata.iter().flatten() {
        totals[stratum] += films as f64;
    }
    // wanted[part][stratum]: films that the part still needs.
    let mut wanted: Vec<Vec<f64>> = fractions
        .iter()
        .map(|part| totals.iter().map(|total| total * part / whole).collect())
        .collect();

    let mut order: Vec<usize> = (0..open.len()).collect();
    shuffle(&mut order, &mut rng);
    order.sort_by_key(|&group| std::cmp::Reverse(groups[open[group]].rows.len()));
    let mut dealt: Vec<Option<usize>> = vec![None; open.len()];
    let mut left = totals;
    while let Some(stratum) = rarest(&left) {
        for &group in &order {
            let Some(&(_, films)) = strata[group].iter().find(|&&(other, _)| other == stratum) else {
                continue;
            };
            if dealt[group].is_some() {
                continue;
            }
            let whole = groups[open[group]].rows.len() as f64;
            let part = choose(&wanted, stratum, films as f64, whole, fractions, unit(&mut rng));
            dealt[group] = Some(part);
            for &(stratum, films) in &strata[group] {
                wanted[part][stratum] -= films as f64;
                left[stratum] -= films as f64;
            }
        }
        left[stratum] = 0.0;
    }
    // Every group is in the stratum of all films, so all are assigned.
    Ok(dealt.into_iter().map(Option::unwrap_or_default).collect())
}

/// The strata of each open group, with its films in each. A stratum is a dataset and a finding. Films without
/// a positive finding are a stratum of their dataset. The last stratum is all films, which balances the
/// sizes.
fn strata(manifest: &Manifest, groups: &[Group], open: &[usize]) -> Vec<Vec<(usize, usize)>> {
    let mut numbers: BTreeMap<(&str, Option<usize>), usize> = BTreeMap::new();
    for row in open
        .iter()
        .flat_map(|&group| &groups[group].rows)
        .map(|&row| &manifest.rows[row])
    {
        for finding in positives(&row.labels) {
            numbers.insert((&row.dataset, finding), 0);
        }
    }
    for (number, value) in numbers.values_mut().enumerate() {
        *value = number;
    }
    let all = numbers.len();
    open.iter()
        .map(|&group| {
            let mut counts = BTreeMap::from([(all, groups[group].rows.len())]);
            for row in groups[group].rows.iter().map(|&row| &manifest.rows[row]) {
                for finding in positives(&row.labels) {
                    *counts
                        .entry(numbers[&(row.dataset.as_str(), finding)])
                        .or_insert(0) += 1;
                }
            }
            counts.into_iter().collect()
        })
        .collect()
}

fn positives(labels: &[Label]) -> Vec<Option<usize>> {
    let found: Vec<Option<usize>> = (0..labels.len())
        .filter(|&finding| labels[finding] == Label::Positive)
        .map(Some)
        .collect();
    if found.is_empty() { vec![None] } else { found }
}

/// The stratum with the fewest unassigned films, if any is left.
fn rarest(left: &[f64]) -> Option<usize> {
    (0..left.len())
        .filter(|&stratum| left[stratum] > 0.0)
        .min_by(|&a, &b| left[a].total_cmp(&left[b]))
}

/// The part for a group of `films` films, `of_stratum` of them in the current stratum.
///
/// It is drawn in proportion to the films of the stratum that the parts need. Candidates are the parts that
/// need all of the group's films. In a small stratum there may be none; then parts that need any film and
/// have room for the whole group are candidates. If no part has room, the least overfilled one, relative to
/// its size, is taken.
fn choose(
    wanted: &[Vec<f64>],
    stratum: usize,
    of_stratum: f64,
    films: f64,
    fractions: &[f64],
    draw: f64,
) -> usize {
    let want = |split: usize| wanted[split][stratum];
    let room = |split: usize| wanted[split].last().copied().unwrap_or(0.0);
    let open = |split: &usize| fractions[*split] > 0.0 && room(*split) >= films;
    let mut candidates: Vec<usize> = (0..fractions.len())
        .filter(open)
        .filter(|&split| want(split) >= of_stratum)
        .collect();
    if candidates.is_empty() {
        candidates = (0..fractions.len())
            .filter(open)
            .filter(|&split| want(split) > 0.0)
            .collect();
    }
    let mut point = draw * candidates.iter().map(|&split| want(split)).sum::<f64>();
    for &split in &candidates {
        if point < want(split) {
            return split;
        }
        point -= want(split);
    }
    if let Some(&last) = candidates.last() {
        return last;
    }
    let excess = |split: usize| (films - room(split)) / fractions[split];
    (0..fractions.len())
        .filter(|&split| fractions[split] > 0.0)
        .min_by(|&a, &b| excess(a).total_cmp(&excess(b)))
        .unwrap_or(0)
}
