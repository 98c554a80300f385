//! Options of a set of phantoms.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::exposure::HOSPITALS;
use super::finding::{TARGET, intermediate};
use super::pretext;
use crate::Error;
use pleura_manifest::NO_FINDING;

/// The labels of a set: one set for each stage of the two-step transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PhantomSet {
    /// Non-medical images with one of [`pretext::CLASSES`] each; they replace `ImageNet`.
    Source,
    /// Films with any of NIH's fourteen findings, or `No Finding`: several labels a film.
    Intermediate,
    /// Films of one of [`TARGET`] each: normal, pneumonia, COVID-19.
    #[default]
    Target,
}

impl PhantomSet {
    /// Its name, as in a recipe.
    pub fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Intermediate => "intermediate",
            Self::Target => "target",
        }
    }

    /// The set's labels, in the manifest's order.
    pub fn labels(self) -> Vec<String> {
        match self {
            Self::Source => pretext::CLASSES.iter().map(ToString::to_string).collect(),
            Self::Intermediate => intermediate(),
            Self::Target => TARGET.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Options of a set of phantoms. In a recipe every field is optional.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PhantomOptions {
    /// The labels.
    pub set: PhantomSet,
    /// Number of films, 1 to 1,000,000.
    pub films: usize,
    /// Pixels a side, 32 to 4096.
    pub size: usize,
    /// Seed. The same seed gives the same files, bit for bit.
    pub seed: u64,
    /// Average number of films of a patient, 1 to 20. Each patient has from 1 to twice the average minus 1.
    /// Images of [`PhantomSet::Source`] have no patients.
    pub films_per_patient: f32,
    /// Share of each label among the films (of the first label of a film with several), in any unit. Missing
    /// labels have share 0. Without any, all shares are equal, except `No Finding`, which counts three times.
    pub mix: BTreeMap<String, f32>,
    /// Probability that a film's burned-in text is the one of its class. Otherwise the text is random. At 0
    /// the text is independent of the class; at 1 it determines the class.
    pub word_follows_class: f32,
    /// Use the next class's text instead (the first one's for the last class). A model that relies on the
    /// text is then wrong.
    pub words_deceive: bool,
    /// Probability that a patient's hospital is the one of the class; otherwise it is random.
    pub source_follows_class: f32,
    /// Difficulty: 0 is full contrast of lesions, 1 barely visible.
    pub difficulty: f32,
    /// Number of simulated hospitals, 1 to 6. Each is a dataset of the manifest with its own machine and
    /// style.
    pub sources: usize,
    /// Probability that a film has burned-in text, if the text does not follow the class.
    pub words: f32,
}

impl Default for PhantomOptions {
    fn default() -> Self {
        Self {
            set: PhantomSet::Target,
            films: 300,
            size: 224,
            seed: 0,
            films_per_patient: 2.0,
            mix: BTreeMap::new(),
            word_follows_class: 0.0,
            words_deceive: false,
            source_follows_class: 0.0,
            difficulty: 0.4,
            sources: 4,
            words: 0.75,
        }
    }
}

impl PhantomOptions {
    /// Validates the options.
    ///
    /// # Errors
    /// [`Error::Phantom`] names the field, its value and the allowed values.
    pub fn check(&self) -> Result<(), Error> {
        within("films", self.films as f64, 1.0, 1e6)?;
        within("size", self.size as f64, 32.0, 4096.0)?;
        within("films_per_patient", f64::from(self.films_per_patient), 1.0, 20.0)?;
        within("word_follows_class", f64::from(self.word_follows_class), 0.0, 1.0)?;
        within(
            "source_follows_class",
            f64::from(self.source_follows_class),
            0.0,
            1.0,
        )?;
        within("difficulty", f64::from(self.difficulty), 0.0, 1.0)?;
        within("words", f64::from(self.words), 0.0, 1.0)?;
        within("sources", self.sources as f64, 1.0, HOSPITALS.len() as f64)?;
        if self.words_deceive && self.word_follows_class == 0.0 {
            return Err(Error::Phantom(
                "words_deceive is set, but word_follows_class is 0, so no word follows a class: give it a chance above 0"
                    .to_string(),
            ));
        }
        let labels = self.set.labels();
        for (name, &share) in &self.mix {
            if !labels.contains(name) {
                return Err(Error::Phantom(format!(
                    "mix names {name:?}, which the {:?} set does not have; its labels are {}",
                    self.set,
                    labels.join(", ")
                )));
            }
            within(&format!("mix of {name:?}"), f64::from(share), 0.0, 1e6)?;
        }
        if !self.mix.is_empty() && self.mix.values().all(|&share| share == 0.0) {
            return Err(Error::Phantom(
                "mix gives every label share 0: give one of them more".to_string(),
            ));
        }
        Ok(())
    }

    /// Share of each label of the set, in order, with sum 1.
    pub(crate) fn shares(&self) -> Vec<f32> {
        let weights: Vec<f32> = self
            .set
            .labels()
            .iter()
            .map(|label| match self.mix.get(label) {
                Some(&share) => share,
                None if !self.mix.is_empty() => 0.0,
                None if label == NO_FINDING => 3.0,
                None => 1.0,
            })
            .collect();
        let total: f32 = weights.iter().sum();
        weights.iter().map(|weight| weight / total).collect()
    }
}

/// Fails unless `value` is in `low..=high`; NaN fails too.
fn within(field: &str, value: f64, low: f64, high: f64) -> Result<(), Error> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(Error::Phantom(format!(
        "{field} is {value}: it must lie between {low} and {high}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_may_leave_everything_out_but_not_misspell() {
        let options: PhantomOptions = serde_json::from_str("{}").unwrap();
        assert_eq!(options, PhantomOptions::default());
        options.check().unwrap();
        let error = serde_json::from_str::<PhantomOptions>(r#"{"word_follow_class": 1}"#).unwrap_err();
        assert!(error.to_string().contains("word_follow_class"));
    }

    #[test]
    fn values_out_of_range_are_named() {
        let bad = |change: fn(&mut PhantomOptions)| {
            let mut options = PhantomOptions::default();
            change(&mut options);
            options.check().unwrap_err().to_string()
        };
        assert!(bad(|options| options.films = 0).contains("films is 0"));
        assert!(bad(|options| options.difficulty = f32::NAN).contains("difficulty"));
        assert!(bad(|options| options.words_deceive = true).contains("word_follows_class is 0"));
        assert!(bad(|options| options.sources = 7).contains("sources is 7"));
        assert!(bad(|options| options.size = 8).contains("size is 8"));
        assert!(bad(|options| options.mix = BTreeMap::from([("Mass".into(), 1.0)])).contains("Mass"));
        assert!(bad(|options| options.mix = BTreeMap::from([("normal".into(), 0.0)])).contains("share 0"));
    }
}
