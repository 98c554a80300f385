//! Composites: the LRP rule of each layer, by name or from a TOML file.

mod file;
mod glob;

use std::path::{Path, PathBuf};

use pleura_core::FileError;
use pleura_nn::relevance::{Bias, Layer, LayerKind, Rule, layers};
use pleura_nn::{Architecture, Rules};

use crate::Error;

/// The names that [`Composite::by_name`] accepts; the first is the default.
pub const NAMES: [&str; 5] = [
    "epsilon-plus-flat",
    "epsilon-alpha2-beta1-flat",
    "epsilon-gamma-box",
    "epsilon-box",
    "lrp-0",
];

/// ε of the ε rule and of all stabilisers, as in zennit.
const EPSILON: f64 = 1e-6;
/// γ, as in zennit.
const GAMMA: f64 = 0.25;
/// ε of `epsilon-box`, as in `ISNet`.
const LARGE_EPSILON: f64 = 1e-2;

/// A named assignment of rules to layers.
#[derive(Clone, Debug, PartialEq)]
pub struct Composite {
    /// Name without additions.
    base: String,
    name: String,
    /// The first choice that matches a layer applies.
    choices: Vec<Choice>,
    bias: Bias,
    /// The file it was read from.
    path: Option<PathBuf>,
}

/// Layers and their rule. An empty part matches all.
#[derive(Clone, Debug, PartialEq)]
struct Choice {
    kinds: Vec<LayerKind>,
    positions: Vec<String>,
    /// Patterns of torchvision layer names, with `*` as a wildcard.
    layers: Vec<String>,
    rule: Rule,
    /// Line in the file.
    line: usize,
}

impl Choice {
    fn of(kinds: &[LayerKind], positions: &[&str], rule: Rule) -> Self {
        Self {
            kinds: kinds.to_vec(),
            positions: positions.iter().map(|&position| position.to_owned()).collect(),
            layers: Vec::new(),
            rule,
            line: 0,
        }
    }

    fn fits(&self, layer: &Layer) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(&layer.kind))
            && (self.positions.is_empty() || self.positions.contains(&layer.position))
            && (self.layers.is_empty() || self.layers.iter().any(|pattern| glob::fits(pattern, &layer.name)))
    }
}

impl Composite {
    /// The composite of this name. All but `lrp-0` and `epsilon-box` are zennit's of the same name (Anders et
    /// al., arXiv 2106.13200), with its ε and γ. Average pools, and norms without a preceding convolution,
    /// use the ε rule in each.
    ///
    /// * `epsilon-plus-flat`: ε in the head, z⁺ in convolutions, flat in the first.
    /// * `epsilon-alpha2-beta1-flat`: ε in the head, α2β1 in convolutions, flat in the first.
    /// * `epsilon-gamma-box`: ε in the head, γ = ¼ in convolutions, z^B in the first.
    /// * `epsilon-box`: ε = 0.01 everywhere, z^B in the first convolution, as `ISNet` explains (Bassi et al.,
    ///   arXiv 2202.00232).
    /// * `lrp-0`: the ε rule with ε = 0 everywhere. On this network it equals gradient × input.
    ///
    /// # Errors
    /// [`Error::UnknownComposite`], with the known names.
    pub fn by_name(name: &str) -> Result<Self, Error> {
        let epsilon = |epsilon| Rule::Epsilon { epsilon };
        let plus = Rule::Plus { epsilon: EPSILON };
        let alpha2_beta1 = Rule::AlphaBeta {
            alpha: 2.0,
            beta: 1.0,
            epsilon: EPSILON,
        };
        let gamma = Rule::Gamma {
            gamma: GAMMA,
            epsilon: EPSILON,
        };
        let boxed = |epsilon| Rule::Box { epsilon };
        // (first convolution, other convolutions, all else)
        let (first, convolution, rest) = match name {
            "epsilon-plus-flat" => (Rule::Flat, plus, epsilon(EPSILON)),
            "epsilon-alpha2-beta1-flat" => (Rule::Flat, alpha2_beta1, epsilon(EPSILON)),
            "epsilon-gamma-box" => (boxed(EPSILON), gamma, epsilon(EPSILON)),
            "epsilon-box" => (
                boxed(LARGE_EPSILON),
                epsilon(LARGE_EPSILON),
                epsilon(LARGE_EPSILON),
            ),
            "lrp-0" => (epsilon(0.0), epsilon(0.0), epsilon(0.0)),
            _ => {
                return Err(Error::UnknownComposite {
                    name: name.to_owned(),
                });
            }
        };
        Ok(Self {
            base: name.to_owned(),
            name: name.to_owned(),
            choices: vec![
                Choice::of(&[LayerKind::Convolution], &["first"], first),
                Choice::of(&[LayerKind::Convolution], &[], convolution),
                Choice::of(&[], &[], rest),
            ],
            bias: Bias::Ledger,
            path: None,
        })
    }

    /// Reads a composite from a TOML file. Without a name in the file, the file name is the name. The format
    /// is in `docs/explanations.md`.
    ///
    /// # Errors
    /// [`Error::File`]; [`Error::Composite`] with file, line and key: unknown keys, wrong types, invalid
    /// parameters of a rule.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(FileError::of("read", path))?;
        Self::parse(&text, path)
    }

    /// As [`Composite::read`], from the file's text; `path` is for messages.
    ///
    /// # Errors
    /// [`Error::Composite`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        file::parse(text, path)
    }

    /// A name, or a path that ends in `.toml`.
    ///
    /// # Errors
    /// As [`Composite::by_name`] and [`Composite::read`].
    pub fn find(name_or_path: &str) -> Result<Self, Error> {
        let path = Path::new(name_or_path);
        if path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
        {
            Self::read(path)
        } else {
            Self::by_name(name_or_path)
        }
    }

    /// The same rules with another treatment of biases, which the name then states.
    #[must_use]
    pub fn with_bias(mut self, bias: Bias) -> Self {
        self.bias = bias;
        self.labelled()
    }

    fn labelled(mut self) -> Self {
        let bias = match self.bias {
            Bias::Ledger => "",
            Bias::Zero => ", biases zero",
            Bias::Absorb => ", biases absorbed",
        };
        self.name = format!("{}{bias}", self.base);
        self
    }

    /// Name with additions, shown beside every map.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The rule of each layer of an architecture.
    ///
    /// # Errors
    /// [`Error::Composite`] if a layer has no rule, a rule does not apply to its layer, or the file names
    /// positions or layers that the architecture does not have.
    pub fn rules(&self, architecture: &Architecture) -> Result<Rules, Error> {
        let layers = layers(architecture);
        for choice in &self.choices {
            self.check_names(choice, &layers, architecture)?;
        }
        let mut rules = Rules::new(Rule::Flat, Rule::Flat, 0.0);
        rules.bias = self.bias;
        for layer in layers {
            let Some(choice) = self.choices.iter().find(|choice| choice.fits(&layer)) else {
                let problem = format!(
                    "no rule fits the layer {}; end with a [[rule]] for all: rule = \"epsilon\"",
                    layer.name
                );
                return Err(self.problem(0, "rule", problem));
            };
            let problem = match (choice.rule, layer.kind, layer.position.as_str()) {
                (Rule::Epsilon { .. }, LayerKind::Pool, _) => None,
                (_, LayerKind::Pool, _) => Some("an average pool, which has the epsilon rule alone"),
                (Rule::Box { .. }, _, position) if position != "first" => {
                    Some("not the first convolution, which alone has inputs between black and white")
                }
                _ => None,
            };
            if let Some(problem) = problem {
                let problem = format!(
                    "fits {}, {problem}; say more with `kind` and `position`",
                    layer.name
                );
                return Err(self.problem(choice.line, "rule", problem));
            }
            match layer.kind {
                LayerKind::Convolution if layer.position == "first" => rules.first = choice.rule,
                LayerKind::Linear => rules.linear = choice.rule,
                LayerKind::Norm => rules.norm = choice.rule,
                LayerKind::Convolution | LayerKind::Pool => {
                    rules.named.insert(layer.name, choice.rule);
                }
            }
        }
        Ok(compact(rules))
    }

    fn check_names(
        &self,
        choice: &Choice,
        layers: &[Layer],
        architecture: &Architecture,
    ) -> Result<(), Error> {
        let name = architecture.name();
        for position in &choice.positions {
            if !layers.iter().any(|layer| layer.position == *position) {
                let mut there: Vec<&str> = layers.iter().map(|layer| layer.position.as_str()).rev().collect();
                there.dedup();
                let problem = format!("{name} has no {position:?}; it has {}", there.join(", "));
                return Err(self.problem(choice.line, "position", problem));
            }
        }
        for pattern in &choice.layers {
            if !layers.iter().any(|layer| glob::fits(pattern, &layer.name)) {
                let problem = format!(
                    "no layer of {name} is called {pattern:?}; names are torchvision's, as in a ledger: \
                     features.denseblock1.denselayer1.conv1, features.transition1.conv"
                );
                return Err(self.problem(choice.line, "layer", problem));
            }
        }
        Ok(())
    }

    /// Line 0 means no line.
    fn problem(&self, line: usize, key: &str, problem: String) -> Error {
        Error::Composite {
            place: self
                .path
                .as_ref()
                .map_or_else(|| self.name.clone(), |path| path.display().to_string()),
            line: (line > 0).then_some(line),
            key: key.to_owned(),
            problem,
        }
    }
}

/// Removes named rules that equal the rule of most convolutions, and the ε of pools.
fn compact(mut rules: Rules) -> Rules {
    let convolutions = rules.named.iter().filter(|(layer, _)| !layer.ends_with("pool"));
    let convolutions: Vec<Rule> = convolutions.map(|(_, &rule)| rule).collect();
    let count = |rule: Rule| convolutions.iter().filter(|&&other| other == rule).count();
    if let Some(&most) = convolutions.iter().max_by_key(|&&rule| count(rule)) {
        rules.convolution = most;
    }
    if let Some(head) = rules.named.get("pool") {
        rules.pool = head.epsilon();
    }
    let (convolution, pool) = (rules.convolution, rules.pool);
    rules.named.retain(|layer, rule| {
        if layer.ends_with("pool") {
            rule.epsilon().total_cmp(&pool).is_ne()
        } else {
            *rule != convolution
        }
    });
    rules
}

impl Default for Composite {
    /// The first of [`NAMES`].
    fn default() -> Self {
        let rest = Rule::Epsilon { epsilon: EPSILON };
        let convolutions = [LayerKind::Convolution];
        Self {
            base: NAMES[0].to_owned(),
            name: NAMES[0].to_owned(),
            choices: vec![
                Choice::of(&convolutions, &["first"], Rule::Flat),
                Choice::of(&convolutions, &[], Rule::Plus { epsilon: EPSILON }),
                Choice::of(&[], &[], rest),
            ],
            bias: Bias::Ledger,
            path: None,
        }
    }
}

#[cfg(test)]
mod tests;
