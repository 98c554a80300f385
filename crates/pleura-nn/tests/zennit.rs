//! Relevance against zennit and captum: `golden/lrp/make.py` made the files and documents how.

#![allow(clippy::unwrap_used, reason = "tests")]

mod golden;
#[path = "canonized/network.rs"]
mod network;
#[path = "canonized/textbook.rs"]
mod textbook;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use golden::{architecture, input, relative_error, weights};
use network::{Canonized, normalised};
use pleura_nn::backend::{Backend, Real};
use pleura_nn::relevance::{Bias, Rule};
use pleura_nn::{Cpu, Network, Norm, Reference, Rules, Weights};
use safetensors::SafeTensors;

/// A golden file: network and film by formulas, and numbers by name.
struct Golden {
    weights: Weights,
    side: usize,
    numbers: BTreeMap<String, Vec<f64>>,
}

fn read(case: &str) -> Golden {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/lrp/{case}.safetensors"));
    let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let facts: BTreeMap<&str, &str> = header.metadata().as_ref().unwrap()["golden"]
        .lines()
        .map(|line| line.split_once(": ").unwrap())
        .collect();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let numbers = file.tensors().into_iter().map(|(name, view)| {
        let values = view.data().as_chunks::<8>().0.iter();
        (name, values.map(|bytes| f64::from_le_bytes(*bytes)).collect())
    });
    Golden {
        weights: weights(
            &architecture(facts["architecture"]),
            facts["outputs"].parse().unwrap(),
        ),
        side: facts["side"].parse().unwrap(),
        numbers: numbers.collect(),
    }
}

impl Golden {
    /// Relevance of the film on a backend, `[3, side, side]`, after the logits were compared.
    fn relevance<B: Backend>(&self, backend: B, start: &[f64], rules: &Rules, within: f64) -> Vec<f64> {
        let network = Network::new(backend, &self.weights).unwrap();
        let film = input(1, self.side);
        let (logits, trace) = network.forward(&film, 1, self.side, Norm::Running).unwrap();
        let logits: Vec<f64> = logits.iter().map(|logit| logit.to_f64()).collect();
        let error = relative_error(&logits, &self.numbers["logits"]);
        assert!(error < within, "logits are {error:e} off");
        let found = network.relevance(&trace, start, rules).unwrap();
        let input = network.backend().download(&found.input);
        input.iter().map(|value| value.to_f64()).collect()
    }

    /// Compares both backends with zennit's numbers.
    fn compare(&self, name: &str, start: &[f64], rules: &Rules) {
        let expected = &self.numbers[name];
        let exact = relative_error(&self.relevance(Reference, start, rules, 1e-12), expected);
        assert!(exact < 1e-10, "{name}: {exact:e} from zennit's in f64");
        let fast = relative_error(&self.relevance(Cpu::new(), start, rules, 1e-5), expected);
        assert!(fast < 1e-4, "{name}: {fast:e} from zennit's in f32");
    }
}

fn epsilon(epsilon: f64) -> Rule {
    Rule::Epsilon { epsilon }
}

fn alpha_beta(epsilon: f64) -> Rule {
    Rule::AlphaBeta {
        alpha: 2.0,
        beta: 1.0,
        epsilon,
    }
}

fn gamma(epsilon: f64) -> Rule {
    Rule::Gamma { gamma: 0.25, epsilon }
}

#[test]
fn each_rule_in_all_places_is_zennits() {
    let golden = read("one_rules");
    let of = |rule: &dyn Fn(f64) -> Rule| Rules {
        first: rule(0.11),
        linear: rule(0.05),
        norm: rule(0.02),
        pool: 0.03,
        ..Rules::new(rule(0.11), rule(0.07), 0.0)
    };
    let plus = |epsilon| Rule::Plus { epsilon };
    let square = |epsilon| Rule::Square { epsilon };
    let boxed = Rules {
        first: Rule::Box { epsilon: 0.11 },
        ..of(&epsilon)
    };
    let zero = |rules: Rules| Rules {
        bias: Bias::Zero,
        ..rules
    };
    let cases = [
        ("epsilon", of(&epsilon)),
        ("plus", of(&plus)),
        ("alpha-beta", of(&alpha_beta)),
        ("gamma", of(&gamma)),
        ("square", of(&square)),
        ("flat", of(&|_| Rule::Flat)),
        ("box", boxed),
        ("epsilon, biases zero", zero(of(&epsilon))),
        ("plus, biases zero", zero(of(&plus))),
        ("alpha-beta, biases zero", zero(of(&alpha_beta))),
        ("square, biases zero", zero(of(&square))),
    ];
    assert_eq!(golden.numbers.len(), cases.len() + 1);
    for (name, rules) in cases {
        golden.compare(name, &[0.5, -2.0, 1.0], &rules);
    }
}

#[test]
fn composites_are_zennits() {
    let golden = read("tiny_composites");
    let boxed = |epsilon| Rule::Box { epsilon };
    let cases = [
        (
            "epsilon-plus-flat",
            Rules::new(Rule::Flat, Rule::Plus { epsilon: 1e-6 }, 1e-6),
        ),
        (
            "epsilon-alpha2-beta1-flat",
            Rules::new(Rule::Flat, alpha_beta(1e-6), 1e-6),
        ),
        ("epsilon-gamma-box", Rules::new(boxed(1e-6), gamma(1e-6), 1e-6)),
        ("epsilon-box", Rules::new(boxed(1e-2), epsilon(1e-2), 1e-2)),
        ("lrp-0", Rules::new(epsilon(0.0), epsilon(0.0), 0.0)),
    ];
    assert_eq!(golden.numbers.len(), cases.len() + 1);
    for (name, rules) in cases {
        golden.compare(name, &[0.0, 1.0, -1.0], &rules);
    }
}

/// Zennit without a canonizer lets batch norms hand on the relevance they get. The account closes, yet the
/// map is another one, even in this network of few layers: a closed account alone proves nothing.
#[test]
fn norms_that_pass_relevance_close_the_account_and_are_wrong() {
    let golden = read("pass");
    let (start, rules) = ([0.5, -2.0, 1.0], Rules::new(epsilon(0.0), epsilon(0.0), 0.0));
    let film = normalised(&golden.weights, &input(1, golden.side), golden.side);
    let relevance = |network: &Canonized<'_>| {
        let values = network.forward(&film[0]);
        let logits = &values[values.len() - 1];
        let start: Vec<f64> = start.iter().zip(logits).map(|(c, z)| c * z).collect();
        let (map, accounts) = network.relevance(&values, start.clone(), &rules);
        let taken: f64 = accounts
            .values()
            .map(|account| account.bias + account.epsilon)
            .sum();
        let residual = start.iter().sum::<f64>() - map.iter().sum::<f64>() - taken;
        assert!(residual.abs() < 1e-6, "the account lacks {residual:e}");
        map
    };
    let wrong = relevance(&Canonized::passing_norms(&golden.weights, golden.side));
    let error = relative_error(&wrong, &golden.numbers["wrong-norm-pass"]);
    assert!(error < 1e-10, "{error:e} from zennit's");
    let right = relevance(&Canonized::of(&golden.weights, golden.side));
    let error = relative_error(&right, &golden.relevance(Reference, &start, &rules, 1e-12));
    assert!(error < 1e-10, "{error:e} from the engine's");
    let correlation = correlation(&wrong, &right);
    assert!(correlation < 0.95, "{correlation}");
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let product = |a: &[f64], b: &[f64]| -> f64 {
        let (mean_a, mean_b) = (mean(a), mean(b));
        a.iter().zip(b).map(|(a, b)| (a - mean_a) * (b - mean_b)).sum()
    };
    product(a, b) / (product(a, a) * product(b, b)).sqrt()
}

/// Captum's gradient × input on torchvision's networks equals LRP-0 on the canonised ones.
fn gradient_times_input(case: &str) {
    let golden = read(case);
    let rules = Rules::new(epsilon(0.0), epsilon(0.0), 0.0);
    for (output, start) in [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
        .iter()
        .enumerate()
    {
        let name = format!("output {output}");
        let expected = golden::Summary::of(&golden.numbers[&name]);
        let error = expected.error(&name, &golden.relevance(Reference, start, &rules, 1e-10));
        assert!(error < 1e-9, "{case}, {name}: {error:e} from captum's in f64");
        if output == 0 {
            let error = expected.error(&name, &golden.relevance(Cpu::new(), start, &rules, 1e-4));
            assert!(error < 2e-2, "{case}, {name}: {error:e} from captum's in f32");
        }
    }
}

#[test]
fn lrp_0_is_captums_gradient_times_input_on_densenet121() {
    gradient_times_input("ixg_densenet121");
}

#[test]
fn lrp_0_is_captums_gradient_times_input_on_densenet201() {
    gradient_times_input("ixg_densenet201");
}
