//! A stage with a heatmap loss: its inputs, its steps, and its validation.

use std::ops::ControlFlow;

use pleura_data::{Batch, ImageSource, Loader};
use pleura_manifest::Split;
use pleura_nn::Norm;
use pleura_run::{
    HeatmapBounds, RunFolder,
    json::write_json,
    log::LossParts,
    recipe::{NormChoice, Start},
};

use super::{RUNNING_MOMENTUM, StageRun, trainable::Trainable, validation::answering};
use crate::{
    error::Error,
    isnet::{ForwardPass, HeatmapLoss, HeatmapTraining, Masks, measure},
    loss::Value,
    observer::{Event, Observer},
    plan::{Plan, StagePlan},
};

/// The heatmap part of a stage that is opened.
pub(super) enum Opened {
    /// The stage has no heatmap loss.
    Plain,
    HeatmapTraining(Box<HeatmapTraining>),
    /// The observer stopped the run.
    Stopped,
}

/// Reads masks, and measures C1 and C2 unless they are given. A resumed run reads them from the stage's
/// folder.
pub(super) fn open(
    run: &Plan,
    plan: &StagePlan,
    out: &RunFolder,
    pictures: &ImageSource,
    observer: &mut dyn Observer,
    stopped: bool,
) -> Result<Opened, Error> {
    let Some(isnet) = &plan.stage.isnet else {
        return Ok(Opened::Plain);
    };
    if stopped {
        return Ok(Opened::Stopped);
    }
    let masks = Masks::read(plan, &run.recipe.preparation)?;
    let folder = out.stage(&plan.stage.name);
    let bounds = if let Some(bounds) = folder.read_heatmap_bounds()? {
        if bounds.masks != masks.digest {
            let changes = vec![format!("the lung masks of stage {} changed", plan.stage.name)];
            return Err(Error::Changed {
                out: out.path().to_owned(),
                changes,
            });
        }
        bounds
    } else {
        let plain = match &isnet.plain {
            None | Some(Start::Random) => None,
            Some(Start::File(path)) => Some(path.clone()),
            Some(Start::Stage(name)) => Some(out.stage(name).best_weights()),
        };
        let bounds = match plain {
            None => HeatmapBounds {
                c1: isnet.c1.unwrap_or(1.0),
                c2: isnet.c2.unwrap_or(25.0),
                masks: masks.digest.clone(),
                measured: None,
            },
            Some(plain) => {
                let mut progress = |done, of| {
                    observer.notice(&Event::Answering {
                        stage: &plan.stage.name,
                        split: "train",
                        done,
                        of,
                    })
                };
                let found = measure(plan, isnet, &masks, (&plain, pictures), &mut progress)?;
                let Some(found) = found else {
                    return Ok(Opened::Stopped);
                };
                found
            }
        };
        write_json(&folder.heatmap_bounds(), &bounds)?;
        if let Some(measured) = &bounds.measured {
            let _ = observer.notice(&Event::Note(format!(
                "stage {}: C1 = {} and C2 = {}: relevance inside the lungs sums to {:.4} ± {:.4} on {} films of the plain network",
                plan.stage.name, bounds.c1, bounds.c2, measured.mean, measured.deviation, measured.films
            )));
        }
        bounds
    };
    Ok(Opened::HeatmapTraining(Box::new(HeatmapTraining {
        loss: HeatmapLoss::new(isnet, bounds.c1, bounds.c2),
        isnet: isnet.clone(),
        kind: plan.stage.kind,
        masks,
    })))
}

impl StageRun<'_> {
    /// Loss and gradients of a batch with its heatmaps.
    pub(super) fn heatmap_pass(
        &mut self,
        heat: &HeatmapTraining,
        batch: &Batch,
        trainable: &Trainable,
    ) -> Result<(Value, LossParts), Error> {
        let plan = self.plan;
        let norm = match plan.stage.norm {
            NormChoice::Batch => Norm::Batch,
            NormChoice::Running => Norm::Running,
        };
        let (logits, trace) =
            self.network
                .forward(&batch.grey, batch.rows.len(), self.pictures.size(), norm)?;
        let (value, mut gradient) = plan
            .loss
            .with_gradient(&logits, &plan.labels.targets(&batch.rows))?;
        let epoch = self.position.epoch as u64;
        let augmentation = plan.stage.augmentation.as_ref();
        let moved = augmentation.map(|augmentation| (augmentation, plan.seed, epoch));
        let masks = heat
            .masks
            .of(&plan.manifest, (&batch.rows, &batch.repeats), moved);
        let passed = ForwardPass {
            network: &self.network,
            trace: &trace,
            logits: &logits,
            masks: &masks,
        };
        let (l1, l2, pulls) = heat.gradients(&passed, &trainable.scope, &mut gradient)?;
        let (value, parts) = heat.value(&value, l1, l2);
        self.refuse_nonsense("loss", value.mean())?;
        self.network.backward_with_heatmaps(
            &trace,
            &gradient,
            &pulls,
            &trainable.scope,
            &mut self.gradients,
        )?;
        if norm == Norm::Batch {
            self.network.update_running(&trace, RUNNING_MOMENTUM)?;
        }
        Ok((value, parts))
    }

    /// L1 and L2 of the validation films, with running statistics; `None` if the observer stopped the run.
    pub(super) fn validation_heatmap_loss(
        &mut self,
        heat: &HeatmapTraining,
        rows: &[usize],
    ) -> Result<Option<(f64, f64)>, Error> {
        let plan = self.plan;
        let mut notice = answering(self.observer, plan, Split::Validation, rows.len());
        let (mut l1, mut l2, mut done) = (0.0, 0.0, 0);
        for batch in Loader::epoch(
            plan.manifest.clone(),
            &self.pictures,
            rows.to_vec(),
            plan.stage.batch,
            0,
            None,
            0,
            0,
        ) {
            let batch = batch?;
            let films = batch.rows.len();
            let (logits, trace) =
                self.network
                    .forward(&batch.grey, films, self.pictures.size(), Norm::Running)?;
            let masks = heat.masks.of(&plan.manifest, (&batch.rows, &batch.repeats), None);
            let passed = ForwardPass {
                network: &self.network,
                trace: &trace,
                logits: &logits,
                masks: &masks,
            };
            let sums = heat.sums(&passed)?;
            l1 += sums.0;
            l2 += sums.1;
            done += films;
            if notice(done) == ControlFlow::Break(()) {
                self.stop = true;
                return Ok(None);
            }
        }
        let films = rows.len().max(1) as f64;
        Ok(Some((l1 / films, l2 / films)))
    }
}
