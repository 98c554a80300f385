//! Labels: from a film's stated findings to one label for each finding.

use std::collections::{BTreeMap, BTreeSet};

use crate::adapters::{FilmRecord, Findings};
use pleura_manifest::{Label, NO_FINDING};

/// The findings of one dataset and their hierarchy.
pub(crate) struct Vocabulary {
    findings: BTreeSet<String>,
    /// The ancestors of each finding, on any path of the dataset.
    above: BTreeMap<String, BTreeSet<String>>,
}

impl Vocabulary {
    /// The findings that the dataset declares, and those of its films.
    pub(crate) fn new(declared: &[String], records: &[FilmRecord]) -> Self {
        let mut findings: BTreeSet<String> = declared.iter().cloned().collect();
        let mut above: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for record in records {
            if let Findings::Named(paths) = &record.findings {
                for path in paths {
                    for (place, element) in path.iter().enumerate() {
                        findings.insert(element.clone());
                        above
                            .entry(element.clone())
                            .or_default()
                            .extend(path[..place].iter().cloned());
                    }
                }
            }
        }
        Self { findings, above }
    }

    /// Findings of films that the dataset does not declare, in alphabetical order.
    pub(crate) fn beside<'a>(&'a self, declared: &'a [String]) -> impl Iterator<Item = &'a String> {
        self.findings.iter().filter(|finding| !declared.contains(finding))
    }

    /// The label of one finding on one film.
    ///
    /// If findings are listed, an unlisted finding is absent. Two exceptions are unknown: findings below the
    /// last listed one (`Pneumonia` leaves its cause open), and findings above a listed one on other films'
    /// paths.
    pub(crate) fn label(&self, findings: &Findings, finding: &str) -> Label {
        match findings {
            Findings::Unstated => Label::Unknown,
            Findings::Labelled(labels) | Findings::Hierarchical(labels, _) => {
                labels.get(finding).copied().unwrap_or_default()
            }
            Findings::Named(_) if !self.findings.contains(finding) => Label::Unknown,
            Findings::Named(_) if findings.has(finding) => Label::Positive,
            Findings::Named(_) if findings.has(NO_FINDING) => Label::Negative,
            Findings::Named(paths) => {
                let below = paths
                    .iter()
                    .filter_map(|path| path.last())
                    .any(|last| self.lies_above(last, finding));
                let above = paths.iter().flatten().any(|said| self.lies_above(finding, said));
                if below || above {
                    Label::Unknown
                } else {
                    Label::Negative
                }
            }
        }
    }

    fn lies_above(&self, upper: &str, lower: &str) -> bool {
        self.above.get(lower).is_some_and(|above| above.contains(upper))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_is_absent_unless_it_lies_above_or_below() {
        let record = |text: &str| FilmRecord {
            findings: Findings::parse(text, &[',']),
            ..FilmRecord::default()
        };
        let records = [
            record("Pneumonia/Viral/COVID-19"),
            record("Pneumonia/Bacterial"),
            record("Tuberculosis"),
            record("ARDS"),
        ];
        let vocabulary = Vocabulary::new(&["Hernia".to_string()], &records);
        let label = |text: &str, finding: &str| vocabulary.label(&Findings::parse(text, &[',']), finding);
        assert_eq!(label("Pneumonia/Viral/COVID-19", "Viral"), Label::Positive);
        assert_eq!(label("Pneumonia/Viral/COVID-19", "Bacterial"), Label::Negative);
        assert_eq!(label("Pneumonia/Viral/COVID-19", "Hernia"), Label::Negative);
        assert_eq!(label("Pneumonia", "COVID-19"), Label::Unknown);
        assert_eq!(label("Pneumonia/Bacterial", "COVID-19"), Label::Negative);
        assert_eq!(label("COVID-19, ARDS", "Pneumonia"), Label::Unknown);
        assert_eq!(label("COVID-19, ARDS", "Tuberculosis"), Label::Negative);
        assert_eq!(label("No Finding", "COVID-19"), Label::Negative);
        assert_eq!(label("No Finding", "Fracture"), Label::Unknown);
    }
}
