//! What a set of phantoms should be like.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::exposure::HOSPITALS;
use super::finding::{TARGET, intermediate};
use super::pretext;
use crate::Error;
use pleura_manifest::NO_FINDING;

/// Which labels a set carries: one for each stage of the twice transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PhantomSet {
    /// Pictures of no medical kind, one of [`pretext::CLASSES`] each: what stands in for `ImageNet`.
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

/// A set of phantoms to be made. In a recipe every field may be left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PhantomOptions {
    /// The labels.
    pub set: PhantomSet,
    /// Number of films, 1 to 1,000,000.
    pub films: usize,
    /// Pixels a side, 32 to 4096.
    pub size: usize,
    /// The same seed gives the same files, bit for bit.
    pub seed: u64,
    /// Films of one patient on average, 1 to 20; each has from one to twice as many less one. Pictures of
    /// [`PhantomSet::Source`] have no patients and stand alone.
    pub films_per_patient: f32,
    /// Share of each label among the films (of the leading one where a film has several), in any unit. Labels left out
    /// have share 0; where nothing is given, all are equal but `No Finding`, which counts three times.
    pub mix: BTreeMap<String, f32>,
    /// Chance that a film's word is its class's own; otherwise the word is drawn without regard to the class. At 0
    /// words say nothing about classes, at 1 they say all.
    pub word_follows_class: f32,
    /// The word that follows the class is the next class's own (the first's for the last): a lie to who learned to read words.
    pub words_deceive: bool,
    /// Chance that a patient's hospital is the class's own, likewise.
    pub source_follows_class: f32,
    /// 0: lesions at full contrast; 1: barely there.
    pub difficulty: f32,
    /// Number of simulated hospitals, 1 to 6: each is a dataset of the manifest, with a machine and a style of its own.
    pub sources: usize,
    /// Chance that a film carries a word at all, where the word does not follow the class.
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
    /// Refuses what cannot be drawn.
    ///
    /// # Errors
    /// [`Error::Phantom`] names the field, what it holds and what it may hold.
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

    /// Share of each label of the set, in its order, summing to 1.
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

/// Fails unless `value` lies in `low..=high`; not-a-number fails too.
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
