//! Composites: which rule stands in which layer, by name.

use pleura_nn::Rules;
use pleura_nn::relevance::{FirstRule, Rule};

use crate::Error;

/// The names [`Composite::by_name`] knows; the first is the default.
pub const NAMES: [&str; 2] = ["epsilon-plus-flat", "lrp-0"];

/// ε of the ε rule and of all stabilisers, as in zennit's `EpsilonPlusFlat`.
const EPSILON: f64 = 1e-6;

/// A named choice of rules.
#[derive(Clone, Debug, PartialEq)]
pub struct Composite {
    name: &'static str,
    rules: Rules,
}

impl Composite {
    /// The composite of this name.
    ///
    /// * `epsilon-plus-flat`: ε in the head and in average pools, z⁺ in convolutions, flat in the first: zennit's `EpsilonPlusFlat`
    ///   (Anders et al., arXiv 2106.13200), after Montavon et al. (2019) and Lapuschkin et al. (2017) for the flat rule.
    /// * `lrp-0`: the ε rule with ε = 0 everywhere. On this network it is gradient × input, and there for proofs.
    ///
    /// # Errors
    /// [`Error::UnknownComposite`], with the names there are.
    pub fn by_name(name: &str) -> Result<Self, Error> {
        let rules = |first, convolution, epsilon| Rules {
            first,
            convolution,
            head_epsilon: epsilon,
            epsilon,
        };
        match name {
            "epsilon-plus-flat" => Ok(Self {
                name: NAMES[0],
                rules: rules(FirstRule::Flat, Rule::Plus { epsilon: EPSILON }, EPSILON),
            }),
            "lrp-0" => Ok(Self {
                name: NAMES[1],
                rules: rules(
                    FirstRule::Epsilon { epsilon: 0.0 },
                    Rule::Epsilon { epsilon: 0.0 },
                    0.0,
                ),
            }),
            _ => Err(Error::UnknownComposite {
                name: name.to_owned(),
            }),
        }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its rules.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }
}

impl Default for Composite {
    fn default() -> Self {
        let rules = Rules {
            first: FirstRule::Flat,
            convolution: Rule::Plus { epsilon: EPSILON },
            head_epsilon: EPSILON,
            epsilon: EPSILON,
        };
        Self {
            name: NAMES[0],
            rules,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_and_others_refused() {
        for name in NAMES {
            assert_eq!(Composite::by_name(name).unwrap().name(), name);
        }
        assert_eq!(Composite::default(), Composite::by_name(NAMES[0]).unwrap());
        let error = Composite::by_name("epsilon").unwrap_err().to_string();
        assert_eq!(
            error,
            "no composite is called \"epsilon\"; there are epsilon-plus-flat, lrp-0"
        );
    }
}
