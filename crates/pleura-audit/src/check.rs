//! A check before it has a result.

pub use pleura_run::audit::{Check, Figure, Verdict};

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
