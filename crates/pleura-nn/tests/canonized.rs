//! Relevance against the textbook: a DenseNet is taken apart by hand, until plain rules apply to it layer by
//! layer.
//!
//! The engine never builds the canonised network: it gathers what the readers of a map send. Here it is
//! built, slowly and without a line of the engine. Each norm is merged into private copies of the
//! convolutions that wrote the rows it reads (`W' = s W`, `b' = t` with `s = γ/√(var + 1e-5)`, `t = β − μ
//! s`), through the average pool where a transition's stands in between; only rows of the stem's pool, which
//! no convolution writes, meet their norm as a diagonal layer. What is left is an acyclic network of affine
//! neurons, `ReLU`s, maxima and concatenations, and every affine layer, pools and head included, is a list of
//! neurons with their inputs and weights, to which one function applies the rules as method and literature
//! write them.

#![allow(clippy::unwrap_used, reason = "tests")]

mod nets;
#[path = "canonized/network.rs"]
mod network;
#[path = "canonized/textbook.rs"]
mod textbook;

use std::collections::BTreeMap;

use nets::{architectures, distance, films, weights};
use network::{Canonized, normalised};
use pleura_nn::backend::{Backend, Real};
use pleura_nn::relevance::{Bias, Ledger, Rule};
use pleura_nn::{Architecture, Cpu, Network, Norm, Reference, Rules, Weights};
use textbook::Account;

const OUTPUTS: usize = 3;
const FILMS: usize = 2;

/// The composites of `pleura-explain`, and every rule in every place that accepts it. The ε are large and all
/// different, so that none can replace another.
fn composites() -> Vec<(&'static str, Rules)> {
    let epsilon = |epsilon| Rule::Epsilon { epsilon };
    let plus = |epsilon| Rule::Plus { epsilon };
    let alpha_beta = |epsilon| Rule::AlphaBeta {
        alpha: 2.0,
        beta: 1.0,
        epsilon,
    };
    let gamma = |epsilon| Rule::Gamma { gamma: 0.25, epsilon };
    let square = |epsilon| Rule::Square { epsilon };
    let boxed = |epsilon| Rule::Box { epsilon };
    let rules = |first, convolution| Rules {
        linear: epsilon(0.05),
        pool: 0.03,
        norm: epsilon(0.02),
        ..Rules::new(first, convolution, 0.0)
    };
    let everywhere = |of: &dyn Fn(f64) -> Rule| Rules {
        linear: of(0.05),
        norm: of(0.02),
        ..rules(of(0.11), of(0.07))
    };
    let with = |bias, rules: Rules| Rules { bias, ..rules };
    let mixed = Rules {
        named: BTreeMap::from([
            (
                "features.denseblock1.denselayer1.conv2".to_owned(),
                alpha_beta(0.02),
            ),
            ("features.denseblock1.denselayer2.conv1".to_owned(), Rule::Flat),
            ("features.denseblock2.denselayer1.conv2".to_owned(), square(0.01)),
            ("features.transition1.conv".to_owned(), gamma(0.04)),
            ("features.transition1.pool".to_owned(), epsilon(0.06)),
        ]),
        ..rules(boxed(0.01), plus(0.07))
    };
    vec![
        ("lrp-0", Rules::new(epsilon(0.0), epsilon(0.0), 0.0)),
        ("epsilon-plus-flat", Rules::new(Rule::Flat, plus(1e-6), 1e-6)),
        (
            "epsilon-alpha2-beta1-flat",
            Rules::new(Rule::Flat, alpha_beta(1e-6), 1e-6),
        ),
        ("epsilon-gamma-box", Rules::new(boxed(1e-6), gamma(1e-6), 1e-6)),
        ("epsilon-box", Rules::new(boxed(1e-2), epsilon(1e-2), 1e-2)),
        ("ε everywhere", everywhere(&epsilon)),
        ("z⁺ everywhere", everywhere(&plus)),
        ("α-β everywhere", everywhere(&alpha_beta)),
        ("γ everywhere", everywhere(&gamma)),
        ("w² everywhere", everywhere(&square)),
        ("flat everywhere", everywhere(&|_| Rule::Flat)),
        ("one of each", mixed.clone()),
        ("ε, biases zero", with(Bias::Zero, everywhere(&epsilon))),
        ("γ, biases zero", with(Bias::Zero, everywhere(&gamma))),
        ("ε, biases absorbed", with(Bias::Absorb, everywhere(&epsilon))),
        (
            "α-β, biases absorbed",
            with(Bias::Absorb, everywhere(&alpha_beta)),
        ),
        ("γ, biases absorbed", with(Bias::Absorb, everywhere(&gamma))),
        ("one of each, biases absorbed", with(Bias::Absorb, mixed)),
    ]
}

/// Weights whose head has a bias and whose norms flip the signs of some rows, as trained ones do.
fn trained(architecture: &Architecture, seed: u64) -> Weights {
    let mut weights = weights(architecture, OUTPUTS, seed);
    weights.tensors.get_mut("classifier.bias").unwrap().data = vec![0.3, -0.7, 0.2];
    let gamma = weights.tensors["features.norm5.weight"].data.iter();
    assert!(gamma.clone().any(|&gamma| gamma < 0.0) && gamma.clone().any(|&gamma| gamma > 0.0));
    weights
}

/// Each entry of a ledger equals the textbook's account of that layer. That of a transition includes its
/// pool.
fn assert_same_account(ledger: &Ledger, accounts: &BTreeMap<&str, Account>, tolerance: f64, case: &str) {
    let pool_of = |layer: &str| accounts.get(format!("{layer}, its pool").as_str());
    let pools = ledger
        .entries
        .iter()
        .filter(|entry| pool_of(&entry.layer).is_some())
        .count();
    assert_eq!(
        ledger.entries.len() + pools,
        accounts.len(),
        "{case}: every layer has a line"
    );
    let (mut bias, mut epsilon) = (0.0, 0.0);
    for entry in &ledger.entries {
        let mut account = accounts[entry.layer.as_str()];
        if let Some(pool) = pool_of(&entry.layer) {
            account.received = pool.received;
            account.epsilon += pool.epsilon;
        }
        let size = [account.received, account.passed, account.bias, account.epsilon];
        let size = size.iter().fold(0.1, |size: f64, part| size.max(part.abs()));
        for (what, found, expected) in [
            ("received", entry.received, account.received),
            ("passed", entry.passed, account.passed),
            ("bias", entry.bias, account.bias),
            ("epsilon", entry.epsilon, account.epsilon),
        ] {
            assert!(
                (found - expected).abs() <= tolerance * size,
                "{case} {}: {what} is {found}, by the textbook {expected}",
                entry.layer
            );
        }
        bias += account.bias;
        epsilon += account.epsilon;
    }
    let size = 1.0 + bias.abs() + epsilon.abs() + ledger.input.abs();
    assert!(
        (ledger.bias - bias).abs() <= tolerance * size,
        "{case}: {} {bias}",
        ledger.bias
    );
    assert!(
        (ledger.epsilon - epsilon).abs() <= tolerance * size,
        "{case}: {} {epsilon}",
        ledger.epsilon
    );
}

/// Compares a backend with the textbook, for single logits and differences, under all composites.
fn compare<B: Backend>(
    backend: B,
    weights: &Weights,
    canonized: &Canonized<'_>,
    size: usize,
    (logits_within, within): (f64, f64),
    name: &str,
) {
    let grey = films(FILMS, size, 17);
    let network = Network::new(backend, weights).unwrap();
    let (logits, trace) = network.forward(&grey, FILMS, size, Norm::Running).unwrap();
    let values: Vec<_> = normalised(weights, &grey, size)
        .iter()
        .map(|input| canonized.forward(input))
        .collect();
    let answers: Vec<&[f64]> = values
        .iter()
        .map(|values| &values[values.len() - 1][..])
        .collect();
    let error = distance(&logits, &answers.concat());
    assert!(
        error < logits_within,
        "{name}: logits are {error:e} from the canonized network's"
    );

    for (composite, rules) in composites() {
        for coefficients in [
            [[1.0, 0.0, 0.0], [0.0, -1.0, 1.0]],
            [[0.5, -2.0, 0.0], [0.0, 0.0, 1.0]],
        ] {
            let found = network
                .relevance(&trace, coefficients.as_flattened(), &rules)
                .unwrap();
            let input = network.backend().download(&found.input);
            for (film, ledger) in found.ledgers.iter().enumerate() {
                let case = format!("{name}, {composite}, film {film}");
                let start = coefficients[film].iter().zip(answers[film]).map(|(c, z)| c * z);
                let start: Vec<f64> = start.collect();
                let total: f64 = start.iter().sum();
                assert!(
                    (ledger.start - total).abs() < logits_within * 10.0,
                    "{case}: {} {total}",
                    ledger.start
                );
                let (expected, accounts) = canonized.relevance(&values[film], start, &rules);
                let plane = size * size;
                let input: Vec<f64> = (0..3)
                    .flat_map(|channel| &input[(channel * FILMS + film) * plane..][..plane])
                    .map(|relevance| relevance.to_f64())
                    .collect();
                let error = distance(&input, &expected);
                assert!(
                    error < within,
                    "{case}: relevance is {error:e} from the textbook's"
                );
                assert!(
                    expected.iter().any(|r| r.abs() > 1e-9),
                    "{case}: nothing to compare"
                );
                assert_same_account(ledger, &accounts, within, &case);
            }
        }
    }
}

/// All networks of `architectures` except the widest: torchvision's stem with three blocks, a stem with other
/// windows, and one without a pool.
fn compare_seed(seed: u64) {
    for (architecture, size) in architectures().into_iter().take(3) {
        let weights = trained(&architecture, seed);
        let canonized = Canonized::of(&weights, size);
        let name = format!("{}, seed {seed}", architecture.name());
        compare(
            Reference,
            &weights,
            &canonized,
            size,
            (1e-12, 1e-10),
            &format!("reference, {name}"),
        );
        compare(
            Cpu::new(),
            &weights,
            &canonized,
            size,
            (1e-5, 1e-4),
            &format!("cpu, {name}"),
        );
    }
}

#[test]
fn relevance_is_the_textbooks_on_the_first_networks() {
    compare_seed(1);
}

#[test]
fn relevance_is_the_textbooks_on_the_second_networks() {
    compare_seed(2);
}

#[test]
fn relevance_is_the_textbooks_on_the_third_networks() {
    compare_seed(3);
}
