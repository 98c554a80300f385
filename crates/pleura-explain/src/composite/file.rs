//! Composites from TOML files.

use std::path::Path;

use pleura_nn::relevance::{Bias, LayerKind, Rule};
use serde::Deserialize;
use toml::Spanned;

use super::{Choice, Composite, EPSILON, GAMMA, NAMES};
use crate::{Error, method};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    name: Option<String>,
    bias: Option<Spanned<String>>,
    rule: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    kind: Option<Spanned<Words>>,
    position: Option<Spanned<Words>>,
    layer: Option<Spanned<Words>>,
    rule: Spanned<String>,
    epsilon: Option<Spanned<f64>>,
    gamma: Option<Spanned<f64>>,
    alpha: Option<Spanned<f64>>,
    beta: Option<Spanned<f64>>,
}

/// One string, or several.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Words {
    One(String),
    Several(Vec<String>),
}

impl Words {
    fn list(&self) -> Vec<String> {
        match self {
            Self::One(word) => vec![word.clone()],
            Self::Several(words) => words.clone(),
        }
    }
}

const RULES: &str = "epsilon, plus, alpha-beta, gamma, square, flat, box";

/// The text and the positions in it.
struct Source<'a> {
    text: &'a str,
    path: &'a Path,
}

impl Source<'_> {
    fn line(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().iter().take(offset);
        before.filter(|&&byte| byte == b'\n').count() + 1
    }

    fn problem(&self, offset: usize, key: &str, problem: String) -> Error {
        Error::Composite {
            place: self.path.display().to_string(),
            line: Some(self.line(offset)),
            key: key.to_owned(),
            problem,
        }
    }

    /// Selects one of several words.
    fn choose<T: Copy>(
        &self,
        key: &str,
        word: Option<&Spanned<String>>,
        default: T,
        known: &[(&str, T)],
    ) -> Result<T, Error> {
        let Some(word) = word else { return Ok(default) };
        let found = known.iter().find(|(name, _)| name == word.get_ref());
        found.map(|&(_, value)| value).ok_or_else(|| {
            let names: Vec<&str> = known.iter().map(|&(name, _)| name).collect();
            let problem = format!(
                "{:?} is not known; there are {}",
                word.get_ref(),
                names.join(", ")
            );
            self.problem(word.span().start, key, problem)
        })
    }
}

pub(super) fn parse(text: &str, path: &Path) -> Result<Composite, Error> {
    let source = Source { text, path };
    let table: Table = toml::from_str(text).map_err(|error| Error::Composite {
        place: path.display().to_string(),
        line: error.span().map(|span| source.line(span.start)),
        key: String::new(),
        problem: error.message().replace('\n', " "),
    })?;
    let biases = [
        ("ledger", Bias::Ledger),
        ("zero", Bias::Zero),
        ("absorb", Bias::Absorb),
    ];
    let choices = table.rule.iter().map(|entry| choice(&source, entry));
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let base = table.name.or(stem).unwrap_or_else(|| "own".to_owned());
    if NAMES.iter().chain(&method::NAMES).any(|name| *name == base) {
        return Err(Error::Composite {
            place: path.display().to_string(),
            line: None,
            key: "name".to_owned(),
            problem: format!(
                "{base:?} is one that comes with the program; give this one a `name` of its own"
            ),
        });
    }
    let composite = Composite {
        base,
        name: String::new(),
        choices: choices.collect::<Result<_, _>>()?,
        bias: source.choose("bias", table.bias.as_ref(), Bias::Ledger, &biases)?,
        path: Some(path.to_owned()),
    };
    Ok(composite.labelled())
}

fn choice(source: &Source<'_>, entry: &Entry) -> Result<Choice, Error> {
    let kinds = entry.kind.as_ref().map_or(Ok(Vec::new()), |words| {
        let known = [
            ("convolution", LayerKind::Convolution),
            ("linear", LayerKind::Linear),
            ("pool", LayerKind::Pool),
            ("norm", LayerKind::Norm),
        ];
        let span = words.span();
        let one = |word: String| {
            let word = Spanned::new(span.clone(), word);
            source.choose("kind", Some(&word), LayerKind::Convolution, &known)
        };
        words.get_ref().list().into_iter().map(one).collect()
    })?;
    let list = |words: &Option<Spanned<Words>>| {
        words
            .as_ref()
            .map_or_else(Vec::new, |words| words.get_ref().list())
    };
    Ok(Choice {
        kinds,
        positions: list(&entry.position),
        layers: list(&entry.layer),
        rule: rule(source, entry)?,
        line: source.line(entry.rule.span().start),
    })
}

fn rule(source: &Source<'_>, entry: &Entry) -> Result<Rule, Error> {
    let number =
        |given: &Option<Spanned<f64>>, default: f64| given.as_ref().map_or(default, |given| *given.get_ref());
    let epsilon = number(&entry.epsilon, EPSILON);
    let name = entry.rule.get_ref().as_str();
    let (rule, keys): (Rule, &[&str]) = match name {
        "epsilon" => (Rule::Epsilon { epsilon }, &["epsilon"]),
        "plus" => (Rule::Plus { epsilon }, &["epsilon"]),
        "alpha-beta" => {
            let (alpha, beta) = (number(&entry.alpha, 2.0), number(&entry.beta, 1.0));
            (
                Rule::AlphaBeta { alpha, beta, epsilon },
                &["epsilon", "alpha", "beta"],
            )
        }
        "gamma" => {
            let gamma = number(&entry.gamma, GAMMA);
            (Rule::Gamma { gamma, epsilon }, &["epsilon", "gamma"])
        }
        "square" => (Rule::Square { epsilon }, &["epsilon"]),
        "flat" => (Rule::Flat, &[]),
        "box" => (Rule::Box { epsilon }, &["epsilon"]),
        _ => {
            let problem = format!("{name:?} is no rule; there are {RULES}");
            return Err(source.problem(entry.rule.span().start, "rule", problem));
        }
    };
    let given = [
        ("epsilon", &entry.epsilon),
        ("gamma", &entry.gamma),
        ("alpha", &entry.alpha),
        ("beta", &entry.beta),
    ];
    for (key, value) in given {
        if let (Some(value), false) = (value, keys.contains(&key)) {
            let problem = format!("the {name} rule has no {key}");
            return Err(source.problem(value.span().start, key, problem));
        }
    }
    // The key that the problem names first is the faulty one.
    rule.problem().map_or(Ok(rule), |problem| {
        let key = keys
            .iter()
            .find(|key| problem.starts_with(**key))
            .unwrap_or(&"rule");
        let place = given.iter().find(|(name, _)| name == key);
        let place = place.and_then(|(_, value)| value.as_ref());
        let offset = place.map_or(entry.rule.span().start, |value| value.span().start);
        Err(source.problem(offset, key, problem))
    })
}
