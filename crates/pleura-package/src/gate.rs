//! Decides whether a film is answered: by the contract, and by its distance from the training films.

use pleura_film::Source;
use pleura_film::lungs::Implausible;
use schemars::JsonSchema;
use serde::Serialize;

use crate::contract::{Contract, Flag, Verdict};
use crate::reference::{MEASURES, Reference, Seen};

/// Judges films for a package.
#[derive(Clone, Copy, Debug)]
pub struct Gate<'a> {
    contract: &'a Contract,
    reference: &'a Reference,
}

/// Includes the limit itself, with a tolerance for rounding on other machines.
fn within(value: f64, most: f64) -> bool {
    value <= most + 1e-4 * most.abs()
}

/// The outcome for a film.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The film is answered.
    Answered,
    /// The film is unlike the training films, so the model abstains.
    Abstained,
    /// The file's attributes exclude the film.
    Refused,
}

impl Outcome {
    /// The word shown to users.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Abstained => "abstained",
            Self::Refused => "refused",
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Result of the checks of a film.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judgement {
    /// The outcome.
    pub outcome: Outcome,
    /// The reasons, and further notes; the gravest first.
    pub flags: Vec<Flag>,
    /// Checks that were not possible because the file lacks an attribute.
    pub not_checked: Vec<&'static str>,
    /// Value of each measure.
    pub measures: Vec<(&'static str, f64)>,
}

impl<'a> Gate<'a> {
    /// The gate of a contract and its films.
    pub fn new(contract: &'a Contract, reference: &'a Reference) -> Self {
        Self { contract, reference }
    }

    /// Judges a film: its file attributes, its prepared grey levels `[size, size]`, the network's pooled
    /// features, and the reason why the lungs were not found, if the network sees only them.
    pub fn judge(
        &self,
        source: &Source,
        (grey, size): (&[f32], usize),
        features: &[f32],
        without_lungs: Option<&Implausible>,
    ) -> Judgement {
        let (mut flags, not_checked) = self.contract.of_source(source);
        let film = Seen::of(grey, size, features, None);
        let values = self.reference.measure(&film);
        for ((name, says), value) in MEASURES.iter().zip(values) {
            let Some(limit) = self.contract.limits.iter().find(|limit| limit.measure == *name) else {
                continue;
            };
            if within(value, limit.most) {
                continue;
            }
            let inverted = *name == "layout" && within(self.reference.layout_of_negative(&film), limit.most);
            let flag = if inverted {
                Flag::new(
                    "polarity",
                    Verdict::Abstain,
                    "black and white appear exchanged: the negative resembles the training films, the film does not".to_owned(),
                )
            } else {
                Flag::new(
                    name,
                    Verdict::Abstain,
                    format!(
                        "far from the training films ({says}): {value:.2}, limit {:.2}",
                        limit.most
                    ),
                )
            };
            flags.push(flag.with(value, limit.most));
        }
        if let Some(fault) = source.contrast.fault() {
            flags.push(Flag::new(
                "contrast",
                Verdict::Abstain,
                format!("the film has no contrast: {fault}"),
            ));
        }
        if let Some(problem) = without_lungs {
            flags.push(Flag::new(
                "lungs",
                Verdict::Abstain,
                format!("the lungs were not found: {problem}"),
            ));
        }
        flags.sort_by_key(|flag| std::cmp::Reverse(flag.verdict));
        let outcome = match flags.first().map(|flag| flag.verdict) {
            Some(Verdict::Refuse) => Outcome::Refused,
            Some(Verdict::Abstain) => Outcome::Abstained,
            None => Outcome::Answered,
        };
        Judgement {
            outcome,
            flags,
            not_checked,
            measures: MEASURES.iter().map(|(name, _)| *name).zip(values).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use pleura_film::Film;

    use super::*;
    use crate::reference::tests::{features, films, picture};
    use crate::training::Training;

    #[test]
    fn films_like_the_training_films_are_answered_and_others_are_not() {
        let reference = Reference::fit(&films(0..60, true)).unwrap();
        let limits = reference.limits(&films(60..160, false), 0.95).unwrap();
        let contract = Contract::of(&Training::default(), 64, None, 0.95, limits);
        let gate = Gate::new(&contract, &reference);
        let judge = |grey: Vec<f32>, features: &[f32]| {
            let film = Film::from_grey(64, 64, grey).unwrap();
            gate.judge(&film.source, (&film.grey, 64), features, None)
        };
        let good = judge(picture(200, 64), &features(200));
        assert_eq!(good.outcome, Outcome::Answered, "{good:?}");
        assert_eq!(good.not_checked, ["body part", "projection"]);
        let negative = judge(picture(200, 64).iter().map(|v| 1.0 - v).collect(), &features(200));
        assert_eq!(negative.outcome, Outcome::Abstained);
        assert!(
            negative.flags.iter().any(|flag| flag.check == "polarity"),
            "{negative:?}"
        );
        let strange = judge(picture(200, 64), &[7.0; 12]);
        assert_eq!(
            (strange.outcome, strange.flags[0].check.as_str()),
            (Outcome::Abstained, "features")
        );
        let small = Film::from_grey(20, 20, vec![0.5; 400]).unwrap();
        let small = gate.judge(&small.source, (&picture(200, 64), 64), &features(200), None);
        assert_eq!(small.outcome, Outcome::Refused);
    }
}
