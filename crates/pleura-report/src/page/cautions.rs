//! What a reader should know before quoting a number of the run.

use super::number::listed;
use super::summary::sources_in;
use super::{headline, lead_stage, table_of};
use crate::input::ReportInput;

/// Fewest seeds from which a comparison of two ways to train says much.
const SEEDS: usize = 5;

/// One sentence a caution, the gravest first, none twice.
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
    cautions.extend(looks(input));
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
        "All films of this run are phantoms"
    } else {
        "Some films of this run are phantoms"
    };
    Some(format!(
        "{all}: a program drew them. Numbers on them show that the method runs, and say nothing about patients."
    ))
}

/// Test films from where the training films came flatter the model.
fn same_sources(input: &ReportInput) -> Option<String> {
    let stage = lead_stage(input)?;
    let table = table_of(input, stage)?;
    let test = sources_in(table, &headline(stage)?.split);
    let train = sources_in(table, "train");
    (!table.phantom && !test.is_empty() && test.iter().all(|source| train.contains(source))).then(|| {
        format!(
            "The films it was judged on come from where the training films came from ({}). On films from elsewhere expect less.",
            listed(&test)
        )
    })
}

/// Test films that several models were tried on, or that are not those that were set aside.
fn looks(input: &ReportInput) -> Vec<String> {
    let tables = input
        .data
        .iter()
        .filter_map(|table| Some((table, table.test.as_ref()?)));
    let mut said = Vec::new();
    for (table, looks) in tables {
        if looks.models > 1 {
            said.push(format!(
                "{} If the best of them was kept, it was chosen by these films ({}).",
                super::evidence::looks_in_words(looks),
                table.name
            ));
        }
        if looks.changed {
            said.push(format!(
                "The test split of {} is not the one that was made.",
                table.name
            ));
        }
        if looks.unreadable {
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
            "There is no test result: these are the validation films, on which the best epoch was chosen. The numbers are too good by \
             an unknown amount."
                .to_owned(),
        ),
        "train" => Some("There is no test result: these are the films it learned from.".to_owned()),
        _ => None,
    }
}

fn seeds(input: &ReportInput) -> Option<String> {
    let pairs = input.keeping.as_ref()?.pairs();
    (pairs < SEEDS).then(|| {
        format!("The comparison of keeping rests on {pairs} pairs of runs; fewer than {SEEDS} say little about training noise.")
    })
}

/// A capital at the start, a full stop at the end.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.trim().chars();
    let mut out: String = letters
        .next()
        .map(|first| first.to_uppercase().collect::<String>())
        .unwrap_or_default();
    // A finding's own name keeps its first letter as it is.
    if text
        .split([':', ' '])
        .next()
        .is_some_and(|word| word.chars().skip(1).any(char::is_uppercase))
    {
        out = text.trim().chars().take(1).collect();
    }
    out.push_str(letters.as_str());
    if !out.ends_with(['.', '!', '?']) {
        out.push('.');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::DataTable;

    #[test]
    fn sentences_begin_and_end_as_sentences_do() {
        assert_eq!(sentence("only 20 films: quote"), "Only 20 films: quote.");
        assert_eq!(sentence("mRNA is fine."), "mRNA is fine.");
        assert_eq!(sentence(""), ".");
    }

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
        assert!(cautions[0].starts_with("All films of this run are phantoms"));
        assert_eq!(cautions[1..], ["Second.".to_owned()]);
    }
}
