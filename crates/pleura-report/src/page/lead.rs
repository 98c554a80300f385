//! The stage that a report is about, its result and its films.

use crate::input::{DataTable, ReportInput, SplitEvaluation, StageResult};

/// The stage whose result is the run's.
pub(super) fn lead_stage(input: &ReportInput) -> Option<&StageResult> {
    let named = input
        .lead
        .as_ref()
        .and_then(|name| input.stages.iter().find(|stage| stage.name == *name));
    named.or(input.stages.last())
}

/// The stages that a stage builds on, the first one first.
pub(super) fn way_to<'a>(input: &'a ReportInput, stage: &'a StageResult) -> Vec<&'a StageResult> {
    let mut way: Vec<&StageResult> = Vec::new();
    let mut at = stage;
    while let Some(before) = at
        .from
        .as_ref()
        .and_then(|name| input.stages.iter().find(|s| s.name == *name))
    {
        // Names that run in a circle must not hang the report.
        if before.name == stage.name || way.iter().any(|known| known.name == before.name) {
            break;
        }
        way.insert(0, before);
        at = before;
    }
    way
}

/// The main result of a stage: on the test split, else on the validation split, else the first.
pub(super) fn headline(stage: &StageResult) -> Option<&SplitEvaluation> {
    let of = |split: &str| stage.evaluations.iter().find(|e| e.split == split);
    of("test")
        .or_else(|| of("val"))
        .or_else(|| stage.evaluations.first())
}

/// The table of films that a stage was trained on.
pub(super) fn table_of<'a>(input: &'a ReportInput, stage: &StageResult) -> Option<&'a DataTable> {
    input.data.iter().find(|table| table.stages.contains(&stage.name))
}

/// Names of the datasets that films of one split came from.
pub(super) fn sources_in(table: &DataTable, split: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for count in table.counts.iter().filter(|c| c.split == split && c.films > 0) {
        if !names.contains(&count.source) {
            names.push(count.source.clone());
        }
    }
    names
}
