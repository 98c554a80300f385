//! Findings that a stage cannot learn, and a monitor that its validation films cannot give.

use pleura_core::Task;
use pleura_run::data::{Exclusion, FindingCount, SplitCounts};
use pleura_run::recipe::{Monitor, Stage};

/// Refuses a class without training films, and an independent finding without positive or negative ones.
/// `before` has the films before any was held out.
pub(super) fn check_training(kind: Task, before: &SplitCounts, train: &SplitCounts) -> Result<(), String> {
    let lacks =
        |count: &FindingCount| count.positive == 0 || (kind == Task::Independent && count.negative == 0);
    let lacking: Vec<&FindingCount> = train.findings.iter().filter(|count| lacks(count)).collect();
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
        .find(|count| count.finding == first.finding);
    let held_out = earlier.filter(|earlier| !lacks(earlier));
    if let Some(earlier) = held_out {
        let films = train.excluded.get(&Exclusion::HeldOut).copied().unwrap_or(0);
        return Err(format!(
            "no training film is left for {names}: the table has {} of {:?}, but their patients are also in the validation or test films of \
             this or a later stage ({films} films left out); split the tables by patient again (pleura data split), or add films of \
             other patients",
            earlier.positive, first.finding
        ));
    }
    if kind == Task::Exclusive {
        return Err(format!(
            "no training film has the class {names}; leave it out of `findings`, or add films"
        ));
    }
    let FindingCount {
        positive,
        negative,
        unknown,
        ..
    } = first;
    Err(format!(
        "nothing can be learnt about {names}: the training films of {:?} are {positive} positive, {negative} negative and {unknown} unknown; \
         leave it out of `findings`, or add films",
        first.finding
    ))
}

/// Refuses a monitor that has no value on the validation films.
pub(super) fn check_monitor(stage: &Stage, validation: &SplitCounts) -> Result<(), String> {
    let both = |count: &FindingCount| count.positive > 0 && count.negative > 0;
    if stage.monitor != Monitor::MacroAuc || validation.findings.iter().any(both) {
        return Ok(());
    }
    Err(format!(
        "\"macro_auc\" has no value on the {} validation films: no finding has positive and negative ones; expected \"validation_loss\", \
         or validation films of several classes",
        validation.films
    ))
}
