//! The two proofs of relevance: its account closes, layer by layer, and LRP-0 is gradient × input.

#![allow(clippy::unwrap_used, reason = "tests")]

mod nets;

use nets::{architectures, distance, films, weights};
use pleura_nn::backend::{Backend, Real};
use pleura_nn::relevance::{Bias, Ledger, Rule, Start};
use pleura_nn::{Architecture, Cpu, Network, Norm, Reference, Rules, Scope, Weights};

fn zero() -> Rules {
    let epsilon = Rule::Epsilon { epsilon: 0.0 };
    Rules::new(epsilon, epsilon, 0.0)
}

fn plus_flat() -> Rules {
    Rules::new(Rule::Flat, Rule::Plus { epsilon: 1e-6 }, 1e-6)
}

/// The other composites of `pleura-explain`.
fn others() -> [Rules; 3] {
    let epsilon = 1e-6;
    let alpha_beta = Rule::AlphaBeta {
        alpha: 2.0,
        beta: 1.0,
        epsilon,
    };
    let gamma = Rule::Gamma { gamma: 0.25, epsilon };
    let ten = Rule::Epsilon { epsilon: 1e-2 };
    [
        Rules::new(Rule::Flat, alpha_beta, epsilon),
        Rules::new(Rule::Box { epsilon }, gamma, epsilon),
        Rules::new(Rule::Box { epsilon: 1e-2 }, ten, 1e-2),
    ]
}

/// Rules and bias treatments that no composite has.
fn odd() -> [Rules; 3] {
    let (epsilon, plus) = (1e-2, Rule::Plus { epsilon: 1e-2 });
    [
        Rules::new(Rule::Square { epsilon }, Rule::Square { epsilon }, epsilon),
        Rules::new(plus, Rule::Flat, epsilon),
        Rules {
            bias: Bias::Absorb,
            ..Rules::new(plus, plus, epsilon)
        },
    ]
}

fn assert_closes(ledger: &Ledger, tolerance: f64, name: &str) {
    // The rounding of a layer is compared with the size of its parts: their sum may cancel.
    let scale = |parts: &[f64]| parts.iter().map(|part| part.abs()).fold(1e-3, f64::max);
    for entry in &ledger.entries {
        let size = scale(&[entry.received, entry.passed, entry.bias, entry.epsilon]);
        assert!(
            entry.residual().abs() < tolerance * size,
            "{name} {}: {entry:?}",
            entry.layer
        );
    }
    let largest = ledger
        .entries
        .iter()
        .map(|e| scale(&[e.received, e.bias, e.epsilon]))
        .fold(1.0, f64::max);
    assert!(
        ledger.residual().abs() < tolerance * largest,
        "{name}: {} of {largest}",
        ledger.residual()
    );
}

/// Both proofs for each output of a network on one backend.
fn prove<B: Backend>(backend: B, weights: &Weights, batch: usize, size: usize, tolerance: f64) {
    let name = weights.architecture.name().to_owned();
    let network = Network::new(backend, weights).unwrap();
    let grey = films(batch, size, 17);
    let (logits, trace) = network.forward(&grey, batch, size, Norm::Running).unwrap();
    let outputs = weights.findings.len();
    let input: Vec<f64> = network
        .backend()
        .download(&network.input(&grey, batch, size).unwrap())
        .iter()
        .map(|v| v.to_f64())
        .collect();
    for output in 0..outputs {
        let start: Vec<f64> = (0..batch * outputs)
            .map(|i| if i % outputs == output { 1.0 } else { 0.0 })
            .collect();

        let zero = network.relevance(&trace, &start, &zero()).unwrap();
        let ones: Vec<B::Real> = start.iter().map(|&c| B::Real::from_f64(c)).collect();
        let mut gradients = network.gradients();
        let gradient = network.backward(
            &trace,
            &ones,
            &Scope::groups(["none"]).with_input(),
            &mut gradients,
        );
        let gradient = network.backend().download(&gradient.unwrap().unwrap());
        let product: Vec<f64> = gradient.iter().zip(&input).map(|(g, x)| g.to_f64() * x).collect();
        let error = distance(&network.backend().download(&zero.input), &product);
        assert!(
            error < tolerance,
            "{name}, output {output}: LRP-0 is {error:e} from gradient × input"
        );
        for (film, ledger) in zero.ledgers.iter().enumerate() {
            assert!((ledger.start - logits[film * outputs + output].to_f64()).abs() < 1e-12);
            assert_closes(ledger, tolerance, &name);
            assert_eq!(
                ledger.epsilon,
                ledger.entries.iter().map(|entry| entry.epsilon).sum::<f64>()
            );
        }

        for rules in others().into_iter().filter(|_| output == 0).chain([plus_flat()]) {
            let found = network.relevance(&trace, &start, &rules).unwrap();
            for ledger in &found.ledgers {
                assert_closes(ledger, tolerance, &format!("{name}, {rules:?}"));
            }
        }
    }
}

#[test]
fn proofs_hold_on_small_networks() {
    for (architecture, size) in architectures() {
        for seed in 1..4 {
            let weights = weights(&architecture, 3, seed);
            prove(Reference, &weights, 2, size, 1e-9);
            prove(Cpu::new(), &weights, 2, size, 1e-4);
        }
    }
}

#[test]
fn proofs_hold_on_densenet121() {
    let architecture = Architecture::by_name("densenet121").unwrap();
    let weights = weights(&architecture, 2, 5);
    prove(Reference, &weights, 1, 64, 1e-9);
    prove(Cpu::new(), &weights, 1, 64, 1e-4);
}

#[test]
fn a_difference_of_logits_is_the_difference_of_relevances_under_lrp_0() {
    let (architecture, size) = architectures().remove(0);
    let weights = weights(&architecture, 3, 2);
    let network = Network::new(Reference, &weights).unwrap();
    let (_, trace) = network
        .forward(&films(1, size, 5), 1, size, Norm::Running)
        .unwrap();
    let of = |c: [f64; 3]| network.relevance(&trace, &c, &zero()).unwrap().input;
    let (first, second) = (of([1.0, 0.0, 0.0]), of([0.0, 1.0, 0.0]));
    let expected: Vec<f64> = first.iter().zip(&second).map(|(a, b)| a - b).collect();
    assert!(distance(&of([1.0, -1.0, 0.0]), &expected) < 1e-10);
}

#[test]
fn a_batch_is_its_films() {
    let (architecture, size) = architectures().remove(1);
    let network = Network::new(Cpu::new(), &weights(&architecture, 2, 2)).unwrap();
    let grey = films(3, size, 5);
    let plane = size * size;
    let (_, trace) = network.forward(&grey, 3, size, Norm::Running).unwrap();
    let alone: Vec<_> = grey
        .chunks_exact(plane)
        .map(|grey| network.forward(grey, 1, size, Norm::Running).unwrap().1)
        .collect();
    for rules in others().into_iter().chain(odd()).chain([zero(), plus_flat()]) {
        let together = network.relevance(&trace, &[1.0, 0.0].repeat(3), &rules).unwrap();
        for (film, trace) in alone.iter().enumerate() {
            let alone = network.relevance(trace, &[1.0, 0.0], &rules).unwrap();
            assert_eq!(alone.ledgers[0], together.ledgers[film], "{rules:?}");
            for channel in 0..3 {
                assert_eq!(
                    alone.input[channel * plane..(channel + 1) * plane],
                    together.input[(channel * 3 + film) * plane..][..plane],
                    "{rules:?}"
                );
            }
        }
    }
}

#[test]
fn several_starts_together_are_each_alone_on_any_number_of_threads() {
    let (architecture, size) = architectures().remove(0);
    let network = Network::new(Cpu::new(), &weights(&architecture, 3, 4)).unwrap();
    let starts = [
        [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
        [0.0, 1.0, -1.0, 0.0, 0.0, 1.0],
        [0.5, 0.0, 0.0, 0.0, -2.0, 0.0],
    ];
    let (_, trace) = network
        .forward(&films(2, size, 5), 2, size, Norm::Running)
        .unwrap();
    for rules in others().into_iter().chain(odd()).chain([zero(), plus_flat()]) {
        let alone: Vec<_> = starts
            .iter()
            .map(|start| network.relevance(&trace, start, &rules).unwrap())
            .collect();
        for threads in [1, 3] {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            let together = pool.install(|| {
                network
                    .relevances(&trace, &starts.map(|start| Start::from(&start[..])), &rules)
                    .unwrap()
            });
            assert_eq!(together.len(), alone.len());
            for (together, alone) in together.iter().zip(&alone) {
                assert_eq!(together.input, alone.input);
                assert_eq!(together.ledgers, alone.ledgers);
            }
        }
    }
}
