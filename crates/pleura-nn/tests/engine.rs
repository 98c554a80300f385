//! The fast backend against the reference, the reference against finite differences, and bits on different
//! numbers of threads.

mod nets;

use nets::{architectures, distance, films, weights};
use pleura_nn::{Architecture, Cpu, Network, Norm, Reference, Scope};
use rayon::prelude::*;

#[test]
fn cpu_agrees_with_the_reference_in_all_passes() {
    for (architecture, size) in architectures() {
        for norm in [Norm::Batch, Norm::Running] {
            let weights = weights(&architecture, 3, 7);
            let batch = 5;
            let grey = films(batch, size, 3);
            let mut fast = Network::new(Cpu::new(), &weights).unwrap();
            let mut slow = Network::new(Reference, &weights).unwrap();
            let (fast_logits, fast_trace) = fast.forward(&grey, batch, size, norm).unwrap();
            let (slow_logits, slow_trace) = slow.forward(&grey, batch, size, norm).unwrap();
            let name = architecture.name();
            assert!(
                distance(&fast_logits, &slow_logits) < 1e-5,
                "{name} {norm:?}: {fast_logits:?} {slow_logits:?}"
            );

            let up: Vec<f32> = films(batch * 3, 1, 11).iter().map(|v| v - 0.5).collect();
            let up64: Vec<f64> = up.iter().map(|&v| f64::from(v)).collect();
            let scope = Scope::all().with_input();
            let mut fast_gradients = fast.gradients();
            let mut slow_gradients = slow.gradients();
            let fast_input = fast
                .backward(&fast_trace, &up, &scope, &mut fast_gradients)
                .unwrap()
                .unwrap();
            let slow_input = slow
                .backward(&slow_trace, &up64, &scope, &mut slow_gradients)
                .unwrap()
                .unwrap();
            assert!(distance(&fast_input, &slow_input) < 2e-4, "{name} {norm:?} input");
            for (spec, (fast, slow)) in fast
                .parameters()
                .iter()
                .zip(fast_gradients.tensors().iter().zip(slow_gradients.tensors()))
            {
                let error = distance(fast, slow);
                assert!(error < 5e-4, "{name} {norm:?} {}: {error:e}", spec.name);
            }
            if norm == Norm::Batch {
                fast.update_running(&fast_trace, 0.1).unwrap();
                slow.update_running(&slow_trace, 0.1).unwrap();
                for (spec, (fast, slow)) in fast
                    .parameters()
                    .iter()
                    .zip(fast.values().iter().zip(slow.values()))
                {
                    assert!(distance(fast, slow) < 1e-5, "{name} {}", spec.name);
                }
            }
        }
    }
}

#[test]
fn gradients_are_the_slopes_of_the_loss() {
    for (architecture, size) in architectures() {
        for norm in [Norm::Batch, Norm::Running] {
            let weights = weights(&architecture, 2, 5);
            let batch = 3;
            let grey = films(batch, size, 9);
            let up: Vec<f64> = (0..batch * 2).map(|i| 0.3 - 0.2 * i as f64).collect();
            let mut network = Network::new(Reference, &weights).unwrap();
            let (_, trace) = network.forward(&grey, batch, size, norm).unwrap();
            let mut gradients = network.gradients();
            network
                .backward(&trace, &up, &Scope::all(), &mut gradients)
                .unwrap();
            let specs = network.parameters().to_vec();
            let mut worst = 0f64;
            for (index, spec) in specs.iter().enumerate().filter(|(_, spec)| spec.kind.trainable()) {
                let scale = gradients.tensors()[index]
                    .iter()
                    .fold(0f64, |m, g| m.max(g.abs()))
                    .max(1e-3);
                {
                    let place = spec.elements() / 2;
                    let slope = |network: &mut Network<Reference>, step: f64| {
                        let mut at = |by: f64| {
                            network.values_mut()[index][place] += by;
                            let (logits, _) = network.forward(&grey, batch, size, norm).unwrap();
                            network.values_mut()[index][place] -= by;
                            logits.iter().zip(&up).map(|(l, u)| l * u).sum::<f64>()
                        };
                        (at(step) - at(-step)) / (2.0 * step)
                    };
                    // ReLU and max-pool have kinks; a step that crosses one is tried again smaller.
                    let error = [1e-5, 1e-6, 1e-7]
                        .into_iter()
                        .map(|step| {
                            (slope(&mut network, step) - gradients.tensors()[index][place]).abs() / scale
                        })
                        .fold(f64::INFINITY, f64::min);
                    worst = worst.max(error);
                    assert!(
                        error < 1e-5,
                        "{} {norm:?} {}[{place}]: {error:e}",
                        architecture.name(),
                        spec.name
                    );
                }
            }
            assert!(worst > 0.0);
        }
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    let (architecture, size) = architectures().remove(0);
    let weights = weights(&architecture, 3, 1);
    let grey = films(6, size, 2);
    let run = |threads: usize| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap()
            .install(|| {
                let network = Network::new(Cpu::new(), &weights).unwrap();
                let (logits, trace) = network.forward(&grey, 6, size, Norm::Batch).unwrap();
                let mut gradients = network.gradients();
                let input = network
                    .backward(&trace, &logits, &Scope::all().with_input(), &mut gradients)
                    .unwrap();
                let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                let gradients: Vec<Vec<u32>> =
                    gradients.tensors().iter().map(|tensor| bits(tensor)).collect();
                (bits(&logits), gradients, bits(&input.unwrap()))
            })
    };
    let one = run(1);
    for threads in [2, 3, 7] {
        assert!(one == run(threads), "{threads} threads");
    }
}

#[test]
fn a_film_is_answered_alike_alone_and_in_a_batch() {
    let (architecture, size) = architectures().remove(1);
    let network = Network::new(Cpu::new(), &weights(&architecture, 3, 1)).unwrap();
    let grey = films(4, size, 2);
    let together = network.infer(&grey, 4, size).unwrap();
    let alone: Vec<f32> = grey
        .chunks_exact(size * size)
        .flat_map(|film| network.infer(film, 1, size).unwrap())
        .collect();
    assert_eq!(together, alone);
}

#[test]
fn a_scope_makes_the_same_gradients_as_the_whole() {
    let (architecture, size) = architectures().remove(0);
    let network = Network::new(Cpu::new(), &weights(&architecture, 3, 1)).unwrap();
    let grey = films(2, size, 2);
    let (logits, trace) = network.forward(&grey, 2, size, Norm::Batch).unwrap();
    let mut whole = network.gradients();
    network
        .backward(&trace, &logits, &Scope::all(), &mut whole)
        .unwrap();
    for groups in [
        vec!["head"],
        vec!["head", "norm"],
        vec!["block2", "head"],
        vec!["transition1"],
        vec!["stem"],
    ] {
        let mut part = network.gradients();
        network
            .backward(&trace, &logits, &Scope::groups(groups.clone()), &mut part)
            .unwrap();
        for (index, spec) in network.parameters().iter().enumerate() {
            if groups.contains(&spec.group.as_str()) && spec.kind.trainable() {
                assert_eq!(
                    whole.tensors()[index],
                    part.tensors()[index],
                    "{groups:?} {}",
                    spec.name
                );
            }
        }
    }
}

#[test]
fn a_head_on_known_features_is_the_head_of_the_whole_network() {
    for (architecture, size) in architectures() {
        for batch in [1, 5, 18] {
            let network = Network::new(Cpu::new(), &weights(&architecture, 3, 7)).unwrap();
            let grey = films(batch, size, 3);
            let name = format!("{} of {batch}", architecture.name());
            let features = network.features(&grey, batch, size).unwrap();
            let (logits, trace) = network.forward(&grey, batch, size, Norm::Running).unwrap();
            let found = network.head_logits(&features).unwrap();
            assert_eq!(
                found,
                network.infer(&grey, batch, size).unwrap(),
                "{name}, inferred"
            );
            // A trace sums its products exactly, for relevance: other roundings.
            assert!(distance(&found, &logits) < 1e-5, "{name}, traced");

            let up: Vec<f32> = films(batch * 3, 1, 11).iter().map(|v| v - 0.5).collect();
            let (mut found, mut expected) = (network.gradients(), network.gradients());
            network.head_backward(&features, &up, &mut found).unwrap();
            network
                .backward(&trace, &up, &Scope::groups(["head"]), &mut expected)
                .unwrap();
            let gradients = found.tensors().iter().zip(expected.tensors());
            for (spec, (found, expected)) in network.parameters().iter().zip(gradients) {
                if spec.group == "head" {
                    assert!(distance(found, expected) < 1e-5, "{name} {}", spec.name);
                }
            }
            assert!(network.head_logits(&features[1..]).is_err());
            assert!(network.head_backward(&features, &up[1..], &mut found).is_err());
        }
    }
}

/// The first thread prepares the weights, with all threads. The second must not block on it while it holds a
/// part of that work.
#[test]
fn cold_networks_answer_on_many_threads_at_once() {
    let architecture = Architecture::by_name("small").unwrap();
    let size = 64;
    let weights = weights(&architecture, 2, 5);
    let grey = films(12, size, 5);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
    let expected = Network::new(Cpu::new(), &weights)
        .unwrap()
        .infer(&grey, 12, size)
        .unwrap();
    for _ in 0..200 {
        let network = Network::new(Cpu::new(), &weights).unwrap();
        let plane = size * size;
        let one = |film: usize| {
            network
                .infer(&grey[film * plane..(film + 1) * plane], 1, size)
                .unwrap()
        };
        let found: Vec<Vec<f32>> = pool.install(|| (0..12).into_par_iter().map(one).collect());
        assert_eq!(found.concat(), expected);
    }
}
