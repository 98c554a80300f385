//! The assignment of a study's films to folds, for each variant.

use std::collections::BTreeMap;

use pleura_manifest::Manifest;
use pleura_run::recipe::Stage;
use pleura_train::{Error, plan::exclude_patients_of};

use super::{Folds, Study, Variant, leave_out};
use crate::cross_validation::{CrossValidationPlan, FoldOptions};

/// Manifests that replace the recipe's.
pub(super) struct FoldAssignment {
    /// By variant, fold and stage.
    pub(super) manifests: Vec<Vec<BTreeMap<String, Manifest>>>,
    /// The end of a run's name, for each fold.
    pub(super) names: Vec<String>,
    /// The value that each fold leaves out, with leave-one-out.
    pub(super) left_out: Option<Vec<String>>,
}

/// Assigns the films of each variant to folds; `None` without folds.
///
/// Refuses variants whose compared films are in other folds than the baseline's.
pub(super) fn assign_folds(study: &Study) -> Result<Option<FoldAssignment>, Error> {
    if let Some(choice) = &study.leave_out {
        return leave_out::assign(study, choice).map(Some);
    }
    let Some(folds) = &study.folds else {
        return Ok(None);
    };
    let choice = FoldOptions {
        count: folds.count,
        validation: folds.validation,
        seed: study.seeds.first().copied(),
    };
    let mut assignment = Vec::with_capacity(study.variants.len());
    for variant in &study.variants {
        let plan = CrossValidationPlan::new(&variant.recipe, &choice)?;
        let last = Study::stage(variant);
        if !plan.stages.contains(&last.name) {
            let key = format!("variant {}: stage.{}.manifest", variant.name, last.name);
            return Err(study.problem(
                &key,
                "has no folds; assign them with `pleura data split --folds K`",
            ));
        }
        let apart = apart(study, folds, variant, &plan.stages)?;
        let members = plan.series.members.into_iter().map(|member| {
            let mut manifests = member.manifests;
            manifests.extend(apart.clone());
            manifests
        });
        assignment.push(members.collect());
    }
    for name in &folds.once {
        let has = |variant: &Variant| variant.recipe.stages.iter().any(|stage| stage.name == *name);
        if !study.variants.iter().any(has) {
            return Err(study.problem("once", format!("no variant has a stage {name:?}")));
        }
    }
    refuse_other_folds(study, &assignment)?;
    let count = assignment.first().map_or(0, Vec::len);
    Ok(Some(FoldAssignment {
        manifests: assignment,
        names: (1..=count).map(|fold| format!("fold-{fold}")).collect(),
        left_out: None,
    }))
}

/// Refuses other folds now: the predictions would be of other films, which shows only after the training.
fn refuse_other_folds(study: &Study, assignment: &[Vec<BTreeMap<String, Manifest>>]) -> Result<(), Error> {
    let folds = |number: usize| -> Vec<Option<String>> {
        let last = &Study::stage(&study.variants[number]).name;
        let folds = assignment[number].iter();
        folds
            .map(|manifests| manifests.get(last).map(Manifest::digest))
            .collect()
    };
    let expected = folds(study.baseline);
    let other = (0..study.variants.len()).find(|&number| folds(number) != expected);
    let Some(variant) = other.map(|number| &study.variants[number]) else {
        return Ok(());
    };
    let key = format!(
        "variant {}: stage.{}.manifest",
        variant.name,
        Study::stage(variant).name
    );
    let problem = format!(
        "its films are in other folds than those of {}, so no pair would predict the same films; use one file for both, or assign \
         both with the same `pleura data split --folds K --seed S` after the same `pleura data duplicates`",
        study.variants[study.baseline].name
    );
    Err(study.problem(&key, problem))
}

/// The manifests of stages that are trained once for all folds: without any patient of the folds.
fn apart(
    study: &Study,
    folds: &Folds,
    variant: &Variant,
    folded: &[String],
) -> Result<BTreeMap<String, Manifest>, Error> {
    let mut apart = BTreeMap::new();
    let stages = &variant.recipe.stages;
    // Fractals have no patient, so a stage of fractals is trained once anyway.
    let once = |stage: &&Stage| folds.once.contains(&stage.name) && stage.fractals.is_none();
    for stage in stages.iter().filter(once) {
        if folded.contains(&stage.name) {
            let problem = format!(
                "stage {:?} of variant {} has folds itself, and is trained on each of them",
                stage.name, variant.name
            );
            return Err(study.problem("once", problem));
        }
        let mut manifest = Manifest::read(&stage.manifest)?;
        for other in stages.iter().filter(|other| folded.contains(&other.name)) {
            exclude_patients_of(&mut manifest, &Manifest::read(&other.manifest)?);
        }
        apart.insert(stage.name.clone(), manifest);
    }
    Ok(apart)
}
