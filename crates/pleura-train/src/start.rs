//! The start of a stage: weights with a new head, and the proof that kept neurons are unchanged.

use std::path::PathBuf;

use pleura_data::{ImageSource, Loader};
use pleura_nn::{Cpu, Network, Weights, weights::Head};
use pleura_run::{
    Neurons, RunFolder,
    recipe::{KeepRule, Start},
};

use crate::{
    error::Error,
    keep,
    plan::{Plan, StagePlan},
};

/// Films of the proof.
const PROOF_FILMS: usize = 8;

/// A stage before its first step.
pub(crate) struct Started {
    pub(crate) weights: Weights,
    pub(crate) neurons: Neurons,
}

/// Reads or draws the weights, adds the new head, and proves the keeping on images of the stage.
///
/// `unproven` omits the proof, for a stage that will not be trained now.
pub(crate) fn start(
    run: &Plan,
    number: usize,
    out: &RunFolder,
    pictures: &ImageSource,
    unproven: bool,
) -> Result<Started, Error> {
    let plan = &run.stages[number];
    let from = match &plan.start {
        Start::Random => None,
        Start::File(path) => Some(path.clone()),
        Start::Stage(name) => Some(out.stage(name).best_weights()),
    };
    let old = from.as_ref().map(|path| Weights::read(path)).transpose()?;
    let old_head = old.as_ref().map(Weights::head).transpose()?;
    let features = run.architecture.features();
    let refuse = |problem: String| Error::Start {
        stage: plan.stage.name.clone(),
        weights: from.clone().unwrap_or_else(|| PathBuf::from("random")),
        problem,
    };
    let (head, mut neurons) = keep::new_head(
        old_head.as_ref(),
        &plan.findings,
        features,
        &plan.stage.keep,
        plan.seed,
    )
    .map_err(refuse)?;
    let mut weights = match &old {
        Some(old) => old.clone(),
        None => Weights::initialise(&run.architecture, &plan.findings, run.normalisation, plan.seed),
    };
    weights.metadata.clear();
    weights.set_head(head.clone())?;
    if let (false, Some(old), Some(old_head)) = (unproven, &old, &old_head)
        && plan.stage.keep.rule != KeepRule::Nothing
    {
        prove(plan, pictures, (old, old_head), (&weights, &head), &mut neurons)?;
    }
    Ok(Started { weights, neurons })
}

fn prove(
    plan: &StagePlan,
    pictures: &ImageSource,
    (old, old_head): (&Weights, &Head),
    (new, new_head): (&Weights, &Head),
    neurons: &mut Neurons,
) -> Result<(), Error> {
    let failed = |problem: String| Error::Keeping {
        stage: plan.stage.name.clone(),
        problem,
    };
    let rows = plan.train.iter().take(PROOF_FILMS).copied().collect();
    let mut loader = Loader::epoch(plan.manifest.clone(), pictures, rows, PROOF_FILMS, 0, None, 0, 0);
    let films = loader
        .next()
        .transpose()?
        .ok_or_else(|| failed("there is no training film".to_owned()))?;
    let count = films.rows.len();
    let logits =
        |weights: &Weights| Network::new(Cpu::new(), weights)?.infer(&films.grey, count, pictures.size());
    let (before, after) = (logits(old)?, logits(new)?);
    keep::prove(neurons, (old_head, &before), (new_head, &after), count).map_err(failed)
}
