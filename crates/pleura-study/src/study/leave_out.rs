//! Leave-one-out: the manifests of each variant without the films of one value.

use std::collections::{BTreeMap, BTreeSet};

use pleura_manifest::{LeaveOut, Manifest, Sidecar, Split};
use pleura_train::Error;

use super::fold_assignment::FoldAssignment;
use super::{LeaveOutChoice, Study, Variant};

/// For each variant and value: the compared stage tests the value's films, and no other stage has them.
pub(super) fn assign(study: &Study, choice: &LeaveOutChoice) -> Result<FoldAssignment, Error> {
    let mut manifests = Vec::with_capacity(study.variants.len());
    let mut values = Vec::new();
    for variant in &study.variants {
        let path = &Study::stage(variant).manifest;
        let films = Manifest::read(path)?;
        let sidecar = Sidecar::read(path)?;
        let together = sidecar.as_ref().map(Sidecar::duplicate_files).unwrap_or_default();
        let leave_out = LeaveOut::new(&films, &choice.attribute, &choice.values)?;
        let seed = study.seeds.first().copied().unwrap_or(variant.recipe.seed);
        let folds = leave_out.values.iter().map(|value| {
            let mut own = earlier(study, variant, &leave_out, value)?;
            let made = leave_out.manifest(&films, value, choice.validation, seed, &together)?;
            own.insert(Study::stage(variant).name.clone(), made);
            Ok(own)
        });
        manifests.push(folds.collect::<Result<Vec<_>, Error>>()?);
        values = leave_out.values;
    }
    Ok(FoldAssignment {
        manifests,
        names: names(&values),
        left_out: Some(values),
    })
}

/// The manifests of the stages before the compared one, if they have films of the value.
fn earlier(
    study: &Study,
    variant: &Variant,
    leave_out: &LeaveOut,
    value: &str,
) -> Result<BTreeMap<String, Manifest>, Error> {
    let mut changed = BTreeMap::new();
    let stages = &variant.recipe.stages[..variant.recipe.stages.len() - 1];
    for stage in stages.iter().filter(|stage| stage.fractals.is_none()) {
        let mut films = Manifest::read(&stage.manifest)?;
        if leave_out.exclude(&mut films, value)? == 0 {
            continue;
        }
        if let Some(empty) = [Split::Train, Split::Validation]
            .into_iter()
            .find(|&split| films.split(split).is_empty())
        {
            let problem = format!(
                "stage {:?} has no film of the split {:?} without the {} {value:?}: all its films have it. Name the values to leave \
                 out without this one, leave_out = {{ by = {:?}, values = [\u{2026}] }}, or leave this stage out of the variant",
                stage.name,
                empty.to_string(),
                leave_out.attribute,
                leave_out.attribute
            );
            return Err(study.problem(
                &format!("variant {}: stage.{}", variant.name, stage.name),
                problem,
            ));
        }
        changed.insert(stage.name.clone(), films);
    }
    Ok(changed)
}

/// Ends of runs' names: the values in letters, digits, `-` and `_`, all different.
fn names(values: &[String]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    values
        .iter()
        .enumerate()
        .map(|(number, value)| {
            let plain = |c: char| {
                if c.is_ascii_alphanumeric() || c == '_' {
                    c
                } else {
                    '-'
                }
            };
            let mut name: String = value.chars().map(plain).take(40).collect();
            if !taken.insert(name.to_ascii_lowercase()) {
                name += &format!("-{}", number + 1);
                taken.insert(name.to_ascii_lowercase());
            }
            format!("without-{name}")
        })
        .collect()
}
