//! Cautions for readers of the run's results.

use super::lead::{headline, lead_stage, sources_in, table_of};
use super::number::{listed, sentence};
use crate::input::ReportInput;

/// The fewest seeds for a meaningful comparison of two ways to train.
const SEEDS: usize = 5;

/// The cautions, one sentence each, the most serious first, without repeats.
pub(super) fn all(input: &ReportInput) -> Vec<String> {
    let mut cautions = Vec::new();
    cautions.extend(phantoms(input));
    if let Some(result) = lead_stage(input).and_then(headline) {
        cautions.extend(
            result
                .evaluation
                .warnings
                .iter()
                .map(|warning| sentence(&warning.to_string())),
        );
    }
    cautions.extend(same_sources(input));
    cautions.extend(no_test(input));
    cautions.extend(test_accesses(input));
    cautions.extend(seeds(input));
    cautions.extend(input.warnings.iter().map(|warning| sentence(warning)));
    let mut seen = std::collections::BTreeSet::new();
    cautions.retain(|caution| seen.insert(caution.clone()));
    cautions
}

fn phantoms(input: &ReportInput) -> Option<String> {
    let drawn = input.data.iter().filter(|table| table.phantom).count();
    if drawn == 0 {
        return None;
    }
    let all = if drawn == input.data.len() {
        "All films of this run are synthetic (phantoms)"
    } else {
        "Some films of this run are synthetic (phantoms)"
    };
    Some(format!(
        "{all}: a program drew them. Results on them show that the method works; they do not apply to patients."
    ))
}

/// Test films from the sources of the training films give optimistic results.
fn same_sources(input: &ReportInput) -> Option<String> {
    let stage = lead_stage(input)?;
    let table = table_of(input, stage)?;
    let test = sources_in(table, &headline(stage)?.split);
    let train = sources_in(table, "train");
    (!table.phantom && !test.is_empty() && test.iter().all(|source| train.contains(source))).then(|| {
        format!(
            "The evaluation films come from the same sources as the training films ({}). Expect lower performance on films from other sources.",
            listed(&test)
        )
    })
}

/// Cautions about test films that several models were evaluated on, or that were changed.
fn test_accesses(input: &ReportInput) -> Vec<String> {
    let tables = input
        .data
        .iter()
        .filter_map(|table| Some((table, table.test_accesses.as_ref()?)));
    let mut said = Vec::new();
    for (table, log) in tables {
        if log.models > 1 {
            said.push(format!(
                "{} If the best model was selected by these results, they are too good ({}).",
                super::evidence::accesses_in_words(log),
                table.name
            ));
        }
        if log.changed {
            said.push(format!(
                "The test split of {} was changed after it was made.",
                table.name
            ));
        }
        if log.unreadable {
            said.push(format!(
                "Some lines of the test access log of {} cannot be read.",
                table.name
            ));
        }
    }
    said
}

fn no_test(input: &ReportInput) -> Option<String> {
    match headline(lead_stage(input)?)?.split.as_str() {
        "val" => Some(
            "There is no test result: these are the validation films, on which the best epoch was chosen. The results are too good by \
             an unknown amount."
                .to_owned(),
        ),
        "train" => Some("There is no test result: these are the training films.".to_owned()),
        _ => None,
    }
}

fn seeds(input: &ReportInput) -> Option<String> {
    let pairs = input.keeping.as_ref()?.pairs();
    (pairs < SEEDS).then(|| {
        format!("The comparison of keeping has {pairs} pairs of runs; with fewer than {SEEDS}, training noise is hard to estimate.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::DataTable;

    #[test]
    fn phantoms_are_always_named_first() {
        let input = ReportInput {
            data: vec![DataTable {
                phantom: true,
                ..DataTable::default()
            }],
            warnings: vec!["second".into(), "second".into()],
            ..ReportInput::default()
        };
        let cautions = all(&input);
        assert!(cautions[0].starts_with("All films of this run are synthetic (phantoms)"));
        assert_eq!(cautions[1..], ["Second.".to_owned()]);
    }
}
