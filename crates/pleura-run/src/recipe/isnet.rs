//! `[stage.isnet]`: training with a heatmap loss.

use serde::{Deserialize, Serialize};

use super::stage::Start;

/// `ISNet` (docs/method.md §5): the training penalises relevance outside the lungs. The letters are those of
/// the papers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Isnet {
    /// P, the weight of the heatmap loss: loss = (1 − P) · cross-entropy + P · (w1 · L1 + w2 · L2).
    #[serde(rename = "P", default = "default_share")]
    pub share: f64,
    /// Weight of L1: relevance outside the lungs.
    #[serde(default = "default_w1")]
    pub w1: f64,
    /// Weight of L2: too little or too much relevance inside the lungs.
    #[serde(default = "default_w2")]
    pub w2: f64,
    /// d, the decay of the weights of ranks: 0 takes only the brightest pixel outside, 1 takes all alike.
    #[serde(rename = "d", default = "default_decay")]
    pub decay: f64,
    /// E, the scale of L1 = ln(1 + u/E).
    #[serde(rename = "E", default = "default_e")]
    pub e: f64,
    /// C1, the smallest sum of absolute relevance inside the lungs. Default: 1, or measured on
    /// [`Isnet::plain`].
    #[serde(rename = "C1", default, skip_serializing_if = "Option::is_none")]
    pub c1: Option<f64>,
    /// C2, the largest sum. Default: 25, or measured.
    #[serde(rename = "C2", default, skip_serializing_if = "Option::is_none")]
    pub c2: Option<f64>,
    /// A network that was trained without a heatmap loss, on which C1 and C2 are measured: an earlier stage
    /// or a weight file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plain: Option<Start>,
    /// ε of the backward pass of LRP-Flex.
    #[serde(default = "default_epsilon")]
    pub epsilon: f64,
    /// The heatmaps of a film.
    #[serde(default)]
    pub maps: Maps,
}

fn default_share() -> f64 {
    0.7
}

fn default_w1() -> f64 {
    1.0
}

fn default_w2() -> f64 {
    3.0
}

fn default_decay() -> f64 {
    0.9
}

fn default_e() -> f64 {
    1.0
}

fn default_epsilon() -> f64 {
    pleura_nn::network::flex::EPSILON
}

/// The papers' C1 and C2, if neither numbers nor a plain network are given.
const BOUNDS: (f64, f64) = (1.0, 25.0);

/// The heatmaps of a film.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Maps {
    /// One heatmap for each class, of its logit: the first paper.
    #[default]
    Classes,
    /// One heatmap of ln p − ln(1 − p) of the least likely class, which depends on all classes: Selective
    /// `ISNet`, at a fraction of the cost.
    Selective,
}

impl Isnet {
    /// The largest gradient norm of a stage that sets none.
    pub const GRADIENT_CLIP: f64 = 1.0;

    /// Fills in C1 and C2 unless they are measured.
    pub fn resolve(&mut self) {
        if self.plain.is_none() {
            self.c1.get_or_insert(BOUNDS.0);
            self.c2.get_or_insert(BOUNDS.1);
        }
    }

    /// The first impossible entry: key and problem.
    pub(super) fn fault(&self) -> Option<(&'static str, String)> {
        let from_to = |key, value: f64, good: bool, expected: &str| {
            (!good).then(|| (key, format!("found {value}, expected {expected}")))
        };
        let above =
            |key, value: f64| from_to(key, value, value.is_finite() && value > 0.0, "a number above 0");
        let from = |key, value: f64| {
            from_to(
                key,
                value,
                value.is_finite() && value >= 0.0,
                "0 or a number above",
            )
        };
        from_to(
            "P",
            self.share,
            self.share > 0.0 && self.share < 1.0,
            "more than 0 and less than 1",
        )
        .or_else(|| from("w1", self.w1))
        .or_else(|| from("w2", self.w2))
        .or_else(|| from_to("d", self.decay, (0.0..=1.0).contains(&self.decay), "0 to 1"))
        .or_else(|| above("E", self.e))
        .or_else(|| above("epsilon", self.epsilon))
        .or_else(|| above("C1", self.c1.unwrap_or(BOUNDS.0)))
        .or_else(|| above("C2", self.c2.unwrap_or(BOUNDS.1)))
        .or_else(|| {
            let (c1, c2) = (self.c1.unwrap_or(BOUNDS.0), self.c2.unwrap_or(BOUNDS.1));
            from_to("C2", c2, c2 >= c1, &format!("C1 ({c1}) or more"))
        })
        .or_else(|| match self.plain {
            Some(_) if self.c1.is_some() || self.c2.is_some() => {
                let problem = "C1 and C2 are either given or measured on a plain network, not both";
                Some(("plain", problem.to_owned()))
            }
            Some(Start::Random) => {
                let problem =
                    "found \"random\", expected \"stage:NAME\" of an earlier stage or a .safetensors file";
                Some(("plain", problem.to_owned()))
            }
            _ => None,
        })
    }
}
