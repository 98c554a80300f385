//! Findings that a stage cannot learn, and a monitor that its validation films cannot give.

use pleura_core::Task;
use pleura_run::data::{Exclusion, FindingCount, SplitCounts};
use pleura_run::recipe::{Monitor, Stage};

/// Refuses a class without training films, and an independent finding without any known label. `before` has
/// the films before any was held out.
pub(super) fn check_training(kind: Task, before: &SplitCounts, train: &SplitCounts) -> Result<(), String> {
    let labelled = |count: &FindingCount| match kind {
        Task::Exclusive => count.positive,
        Task::Independent => count.positive + count.negative,
    };
    let lacking: Vec<&FindingCount> = train
        .findings
        .iter()
        .filter(|count| labelled(count) == 0)
        .collect();
    let Some(first) = lacking.first() else {
        return Ok(());
    };
    let names: Vec<String> = lacking
        .iter()
        .map(|count| format!("{:?}", count.finding))
        .collect();
    let names = names.join(", ");
    let earlier = before
        .findings
        .iter()
        .find(|count| count.finding == first.finding)
        .map_or(0, labelled);
    if earlier > 0 {
        let films = train.excluded.get(&Exclusion::HeldOut).copied().unwrap_or(0);
        return Err(format!(
            "no training film is left for {names}: the table has {earlier} of {:?}, but their patients are also in the validation or \
             test films of this or a later stage ({films} films left out); split the tables by patient again (pleura data split), or \
             add films of other patients",
            first.finding
        ));
    }
    Err(match kind {
        Task::Exclusive => {
            format!("no training film has the class {names}; leave it out of `findings`, or add films")
        }
        Task::Independent => {
            format!("no training film has a known label of {names}; leave it out of `findings`, or add films")
        }
    })
}

/// Independent findings whose training films are all positive, or all negative: their outputs learn nothing.
pub(super) fn one_sided(kind: Task, train: &SplitCounts) -> Vec<String> {
    let findings = train.findings.iter();
    findings
        .filter(|count| kind == Task::Independent && (count.positive == 0 || count.negative == 0))
        .map(|count| count.finding.clone())
        .collect()
}

/// Refuses a monitor that has no value on the validation films.
pub(super) fn check_monitor(stage: &Stage, validation: &SplitCounts) -> Result<(), String> {
    let both = |count: &FindingCount| count.positive > 0 && count.negative > 0;
    if stage.monitor != Monitor::MacroAuc || validation.findings.iter().any(both) {
        return Ok(());
    }
    Err(format!(
        "\"macro_auc\" has no value on the {} validation films: no finding has positive and negative ones; expected \
         \"validation_loss\", or validation films of several classes",
        validation.films
    ))
}
