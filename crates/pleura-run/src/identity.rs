//! `run.json`: the inputs that a run began with. A run can only be resumed with the same inputs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Error;

/// Digests of everything that the weights of a run follow from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Version of this program.
    pub version: String,
    /// Digest of the resolved recipe, with files replaced by their digests.
    pub recipe: String,
    /// Digest of each stage's manifest.
    pub manifests: BTreeMap<String, String>,
    /// Digest of the weight file of each stage that starts from one.
    pub weights: BTreeMap<String, String>,
}

impl Identity {
    /// A single digest of all inputs.
    ///
    /// # Errors
    /// None in practice: strings always serialise.
    pub fn digest(&self) -> Result<String, Error> {
        let json = serde_json::to_vec(self).map_err(|error| Error::Damaged {
            path: "run.json".into(),
            problem: error.to_string(),
        })?;
        Ok(pleura_core::sha256::hex(json))
    }

    /// The differences between the run on disk and the inputs `now`, one sentence each. `recipes` returns
    /// the keys in which the recipes differ, if it can.
    pub fn changes(&self, now: &Self, recipes: impl FnOnce() -> Option<String>) -> Vec<String> {
        let mut changes = Vec::new();
        if self.version != now.version {
            changes.push(format!(
                "it began with version {}, this is {}",
                self.version, now.version
            ));
        }
        for (input, then, now) in [
            ("manifest", &self.manifests, &now.manifests),
            ("starting weights", &self.weights, &now.weights),
        ] {
            for (stage, digest) in then {
                if now.get(stage).is_some_and(|now| now != digest) {
                    changes.push(format!("the {input} of stage {stage} changed"));
                }
            }
        }
        // The recipe's digest covers manifests and weights too: it is named only if they do not explain the
        // difference.
        if self.recipe != now.recipe && changes.is_empty() {
            let keys = recipes().unwrap_or_else(|| "the run's recipe.toml shows its recipe".to_owned());
            changes.push(format!("the recipe or the seed changed ({keys})"));
        }
        changes
    }
}
