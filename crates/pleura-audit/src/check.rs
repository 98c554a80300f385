//! What one check says.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It could not be asked; the check says why.
    NotPossible,
    /// Nothing was found.
    Quiet,
    /// Something to know.
    Note,
    /// A shortcut that a network may well use: no result should be shown without it.
    Alarm,
    /// The result means nothing until this is mended.
    Block,
}

impl Verdict {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotPossible => "not possible",
            Self::Quiet => "quiet",
            Self::Note => "note",
            Self::Alarm => "alarm",
            Self::Block => "block",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The numbers of a check's figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Figure {
    /// What was observed beside what chance gives.
    Null {
        /// Name of the axis.
        axis: String,
        /// Observed.
        observed: f64,
        /// Its interval.
        interval: (f64, f64),
        /// Expected by chance.
        chance: f64,
        /// Under permutation, sorted.
        null: Vec<f64>,
    },
    /// Films by class and something else.
    Counts {
        /// What the columns are.
        axis: String,
        /// Classes.
        rows: Vec<String>,
        /// Names of the columns.
        columns: Vec<String>,
        /// `[rows, columns]`
        counts: Vec<Vec<usize>>,
    },
    /// Values with intervals.
    Intervals {
        /// Name of the axis.
        axis: String,
        /// Name, value and interval.
        lines: Vec<(String, f64, (f64, f64))>,
    },
}

/// One check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Its name, as thresholds are set by.
    pub name: String,
    /// The question.
    pub asks: String,
    /// How bad it is.
    pub verdict: Verdict,
    /// The answer, with its numbers; why there is none, if it was not possible.
    pub says: String,
    /// The number that is held against the threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// From which value on it is an alarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Probability of such a value by chance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p: Option<f64>,
    /// What can be done about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remedy: String,
    /// Who described it.
    pub literature: Vec<String>,
    /// To draw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figure: Option<Figure>,
}

/// What a check is, before it has an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CheckInfo {
    pub(crate) name: &'static str,
    pub(crate) asks: &'static str,
    pub(crate) remedy: &'static str,
    pub(crate) literature: &'static [&'static str],
}

impl CheckInfo {
    /// With an answer.
    pub(crate) fn says(self, verdict: Verdict, says: String) -> Check {
        let remedy = if verdict >= Verdict::Note { self.remedy } else { "" };
        Check {
            name: self.name.to_owned(),
            asks: self.asks.to_owned(),
            verdict,
            says,
            value: None,
            threshold: None,
            p: None,
            remedy: remedy.to_owned(),
            literature: self.literature.iter().map(ToString::to_string).collect(),
            figure: None,
        }
    }

    /// Without one.
    pub(crate) fn impossible(self, why: impl Into<String>) -> Check {
        self.says(Verdict::NotPossible, why.into())
    }
}

/// Works that describe what is looked for.
pub(crate) mod literature {
    pub(crate) const ADEBAYO: &str = "Adebayo et al.: Sanity checks for saliency maps. NeurIPS 2018";
    pub(crate) const DEGRAVE: &str = "DeGrave, Janizek, Lee: AI for radiographic COVID-19 detection selects shortcuts over signal. Nature Machine Intelligence 3, 2021";
    pub(crate) const ROBERTS: &str = "Roberts et al.: Common pitfalls and recommendations for using machine learning to detect and prognosticate for \
         COVID-19 using chest radiographs and CT scans. Nature Machine Intelligence 3, 2021";
    pub(crate) const MAGUOLO: &str = "Maguolo, Nanni: A critic evaluation of methods for COVID-19 automatic detection from X-ray images. Information Fusion 76, 2021";
    pub(crate) const ZECH: &str = "Zech et al.: Variable generalization performance of a deep learning model to detect pneumonia in chest radiographs. \
         PLOS Medicine 15, 2018";
    pub(crate) const BASSI: &str = "Bassi, Attux: A deep convolutional neural network for COVID-19 detection using chest X-rays. Research on Biomedical \
         Engineering 2021";
    pub(crate) const ISNET: &str = "Bassi, Dertkigil, Cavalli: Improving deep neural network generalization and robustness to background bias via layer-wise relevance \
         propagation optimization. Nature Communications 15, 2024";
    pub(crate) const GUO: &str = "Guo et al.: On calibration of modern neural networks. ICML 2017";
    pub(crate) const VAICENAVICIUS: &str =
        "Vaicenavicius et al.: Evaluating model calibration in classification. AISTATS 2019";
    pub(crate) const SEYYED: &str = "Seyyed-Kalantari et al.: Underdiagnosis bias of artificial intelligence algorithms applied to chest radiographs in \
         under-served patient populations. Nature Medicine 27, 2021";
    pub(crate) const BOUTHILLIER: &str =
        "Bouthillier et al.: Accounting for variance in machine learning benchmarks. MLSys 2021";
    pub(crate) const CRAMER: &str = "Bergsma: A bias-correction for Cramér's V and Tschuprow's T. Journal of the Korean Statistical Society 42, 2013";
}
