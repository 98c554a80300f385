//! The measures by name, and their interpretation.

use std::fmt;
use std::str::FromStr;

/// A measure of heatmaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Pixel flipping.
    Flipping,
    /// Relevance mass accuracy.
    Mass,
    /// Relevance rank accuracy.
    Rank,
    /// The pointing game.
    Pointing,
    /// Cascading randomisation of parameters.
    Randomisation,
    /// Random logit: the heatmap of another class.
    RandomLogit,
    /// Stability under small noise.
    Sensitivity,
    /// Similarity to the first method's map.
    Agreement,
}

impl Measure {
    /// All measures, in the order of tables.
    pub const ALL: [Self; 8] = [
        Self::Flipping,
        Self::Mass,
        Self::Rank,
        Self::Pointing,
        Self::Randomisation,
        Self::RandomLogit,
        Self::Sensitivity,
        Self::Agreement,
    ];

    /// Name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flipping => "flipping",
            Self::Mass => "mass",
            Self::Rank => "rank",
            Self::Pointing => "pointing",
            Self::Randomisation => "randomisation",
            Self::RandomLogit => "random-logit",
            Self::Sensitivity => "sensitivity",
            Self::Agreement => "agreement",
        }
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Measure {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|measure| measure.name() == text);
        found.ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.into_iter().map(Self::name).collect();
            format!("expected all, or some of {}, joined by commas", names.join(", "))
        })
    }
}

/// Direction of improvement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Higher is better.
    Higher,
    /// Lower is better.
    Lower,
    /// For comparison only.
    Neither,
}

impl Better {
    /// The direction in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Higher => "higher is better",
            Self::Lower => "lower is better",
            Self::Neither => "to compare with",
        }
    }
}

/// Interpretation of a score.
#[derive(Clone, Debug, PartialEq)]
pub struct About {
    /// Description in one line.
    pub words: String,
    /// Direction of improvement.
    pub better: Better,
}

/// Interpretation of a key; an unknown key describes itself.
pub fn about(key: &str) -> About {
    let (measure, variant) = key.split_once('.').unwrap_or((key, ""));
    let (words, better) = match (measure, variant) {
        ("flipping", "aopc") => (
            "pixel flipping: mean fall of what is asked, in logits".to_owned(),
            Better::Higher,
        ),
        ("flipping", "random") => ("the same in random order, in logits".to_owned(), Better::Neither),
        ("flipping", _) => (
            "pixel flipping: mean fall beyond random order, in logits".to_owned(),
            Better::Higher,
        ),
        ("mass", place) => (
            format!("relevance mass accuracy: share of what speaks for, inside {place}"),
            Better::Higher,
        ),
        ("rank", place) => (
            format!("relevance rank accuracy: share of the strongest pixels inside {place}"),
            Better::Higher,
        ),
        ("pointing", place) => (
            format!("pointing game: strongest pixel inside {place}"),
            Better::Higher,
        ),
        ("area", place) => (format!("share of the film inside {place}"), Better::Neither),
        ("randomisation", "rank") => (
            "randomised layers: rank correlation, mean over the cascade".to_owned(),
            Better::Lower,
        ),
        ("randomisation", "ssim") => (
            "randomised layers: structural similarity, mean over the cascade".to_owned(),
            Better::Lower,
        ),
        ("randomisation", _) => (
            format!(
                "rank correlation with all from the head down to {} randomised",
                variant.trim_start_matches("rank.")
            ),
            Better::Lower,
        ),
        ("random-logit", "rank") => (
            "random logit: rank correlation with another class's map".to_owned(),
            Better::Lower,
        ),
        ("random-logit", _) => (
            "random logit: structural similarity to another class's map".to_owned(),
            Better::Lower,
        ),
        ("sensitivity", "max") => (
            "small noise: largest relative change of the map".to_owned(),
            Better::Lower,
        ),
        ("sensitivity", _) => (
            "small noise: mean relative change of the map".to_owned(),
            Better::Lower,
        ),
        ("agreement", first) => (
            format!("correlation with the map by {first}, signs included"),
            Better::Neither,
        ),
        _ => (key.to_owned(), Better::Neither),
    };
    About { words, better }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_are_found_by_their_names() {
        for measure in Measure::ALL {
            assert_eq!(measure.name().parse(), Ok(measure));
        }
        assert!("beauty".parse::<Measure>().unwrap_err().contains("pointing"));
        assert_eq!(
            about("mass.lesion").words,
            "relevance mass accuracy: share of what speaks for, inside lesion"
        );
    }
}
