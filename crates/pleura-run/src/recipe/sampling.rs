//! `sampling` of a stage: how an epoch draws its training films.

use pleura_manifest::ATTRIBUTES;
use serde::{Deserialize, Serialize};

use super::Step;

/// Draws each epoch's training films so that some attributes do not predict the class (docs/training.md).
///
/// Without it, an epoch has every training film once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sampling {
    /// [`Sampling::CLASS`] for classes of equal shares, and attributes
    /// ([`Manifest::attribute`](pleura_manifest::Manifest::attribute)).
    pub balance: Vec<String>,
    /// The largest expected number of draws of one film in an epoch.
    #[serde(default = "default_max_repeat")]
    pub max_repeat: f64,
}

fn default_max_repeat() -> f64 {
    8.0
}

impl Sampling {
    /// The entry of `balance` that gives the classes equal shares.
    pub const CLASS: &'static str = "class";

    /// True if the classes get equal shares.
    pub fn balances_class(&self) -> bool {
        self.balance.iter().any(|name| name == Self::CLASS)
    }

    /// The attributes to balance.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        let names = self.balance.iter().map(String::as_str);
        names.filter(|name| *name != Self::CLASS)
    }

    /// The key that is wrong, and the reason.
    pub(super) fn fault(&self) -> Option<(Step<'static>, String)> {
        let mut names: Vec<&String> = self.balance.iter().collect();
        names.sort();
        names.dedup();
        if names.is_empty() || names.len() < self.balance.len() {
            let problem = format!(
                "found {:?}, expected different names: \"class\", {:?}, or note columns",
                self.balance, ATTRIBUTES
            );
            return Some(("balance".into(), problem));
        }
        if !(self.max_repeat.is_finite() && self.max_repeat >= 1.0) {
            let problem = format!("found {}, expected 1 or more", self.max_repeat);
            return Some(("max_repeat".into(), problem));
        }
        None
    }
}
