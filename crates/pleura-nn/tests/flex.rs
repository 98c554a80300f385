//! LRP-Flex: its heatmaps equal those of other methods where they should, and its gradients equal finite
//! differences.

#![allow(clippy::unwrap_used, reason = "tests")]

mod nets;

use nets::{architectures, distance, films, weights};
use pleura_nn::backend::Backend;
use pleura_nn::network::flex::EPSILON;
use pleura_nn::relevance::{Rule, Start};
use pleura_nn::{Architecture, Cpu, Gradients, Network, Norm, Reference, Rules, Scope, Weights};

const OUTPUTS: usize = 3;

/// Films, with gradients for logits and heatmaps.
struct Case {
    weights: Weights,
    grey: Vec<f32>,
    batch: usize,
    size: usize,
    /// Two starts.
    starts: [Vec<f64>; 2],
    /// ∂/∂heatmap of each start.
    asked: [Vec<f64>; 2],
    /// ∂/∂logits.
    up: Vec<f64>,
}

fn signed(count: usize, seed: u64) -> Vec<f64> {
    films(count, 1, seed)
        .into_iter()
        .map(|value| 2.0 * f64::from(value) - 1.0)
        .collect()
}

impl Case {
    fn new(architecture: &Architecture, size: usize, batch: usize) -> Self {
        let pixels = batch * size * size;
        Self {
            weights: weights(architecture, OUTPUTS, 7),
            grey: films(batch, size, 3),
            batch,
            size,
            starts: [11, 12].map(|seed| signed(batch * OUTPUTS, seed)),
            asked: [13, 14].map(|seed| signed(pixels, seed).iter().map(|v| 10.0 * v).collect()),
            up: signed(batch * OUTPUTS, 15),
        }
    }

    /// `up · logits + Σ asked · heatmap`.
    fn value(&self, network: &Network<Reference>, norm: Norm) -> f64 {
        let (logits, trace) = network.forward(&self.grey, self.batch, self.size, norm).unwrap();
        let maps = network.flex_heatmaps(&trace, &self.starts, EPSILON).unwrap();
        dot(&logits, &self.up) + maps.iter().zip(&self.asked).map(|(a, b)| dot(a, b)).sum::<f64>()
    }

    /// Its gradient, with both heatmaps.
    fn gradients<B: Backend>(
        &self,
        network: &Network<B>,
        norm: Norm,
        scope: &Scope,
    ) -> (Gradients<B>, Vec<Vec<f64>>)
    where
        f64: From<B::Real>,
    {
        use pleura_nn::backend::Real;
        let (_, trace) = network.forward(&self.grey, self.batch, self.size, norm).unwrap();
        let mut heatmap_gradients = network.heatmap_gradients();
        let mut maps = Vec::new();
        for (start, asked) in self.starts.iter().zip(&self.asked) {
            let flex = network.flex(&trace, start, EPSILON).unwrap();
            maps.push(
                flex.heatmaps(network)
                    .into_iter()
                    .map(f64::from)
                    .collect::<Vec<f64>>(),
            );
            let coefficients = network
                .flex_gradient(&trace, &flex, asked, scope, &mut heatmap_gradients)
                .unwrap();
            // A heatmap is linear in its start.
            let (found, expected) = (dot(&coefficients, start), dot(maps.last().unwrap(), asked));
            assert!(
                (found - expected).abs() < 1e-3 * expected.abs().max(1.0),
                "{found} {expected}"
            );
        }
        let up: Vec<B::Real> = self.up.iter().map(|&v| B::Real::from_f64(v)).collect();
        let mut gradients = network.gradients();
        network
            .backward_with_heatmaps(&trace, &up, &heatmap_gradients, scope, &mut gradients)
            .unwrap();
        (gradients, maps)
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[test]
fn gradients_of_heatmaps_are_their_slopes() {
    for (architecture, size) in architectures() {
        let case = Case::new(&architecture, size.min(23), 2);
        for norm in [Norm::Batch, Norm::Running] {
            let mut network = Network::new(Reference, &case.weights).unwrap();
            let (gradients, _) = case.gradients(&network, norm, &Scope::all());
            for (index, spec) in network.parameters().to_vec().iter().enumerate() {
                if !spec.kind.trainable() {
                    continue;
                }
                let gradient = gradients.tensors()[index].clone();
                // All elements of a parameter at once.
                let way = signed(spec.elements(), 100 + index as u64);
                let expected = dot(&gradient, &way);
                let scale = dot(&gradient, &gradient).sqrt().max(1e-2);
                let mut slope = |step: f64| {
                    let mut at = |by: f64| {
                        let before = network.values()[index].clone();
                        for (value, way) in network.values_mut()[index].iter_mut().zip(&way) {
                            *value += by * way;
                        }
                        let value = case.value(&network, norm);
                        network.values_mut()[index] = before;
                        value
                    };
                    (at(step) - at(-step)) / (2.0 * step)
                };
                // Gates and max pools have kinks; a step that crosses one is tried again smaller.
                let error = [1e-6, 1e-7, 1e-8]
                    .into_iter()
                    .map(|step| (slope(step) - expected).abs() / scale)
                    .fold(f64::INFINITY, f64::min);
                let name = architecture.name();
                assert!(
                    error < 2e-6,
                    "{name} {norm:?} {}: {error:e} of {expected}",
                    spec.name
                );
            }
        }
    }
}

#[test]
fn without_epsilon_it_is_gradient_times_input() {
    for (architecture, size) in architectures() {
        let case = Case::new(&architecture, size, 3);
        let network = Network::new(Reference, &case.weights).unwrap();
        let (_, trace) = network
            .forward(&case.grey, case.batch, size, Norm::Running)
            .unwrap();
        let maps = network.flex_heatmaps(&trace, &case.starts, 0.0).unwrap();
        let input = network.input(&case.grey, case.batch, size).unwrap();
        for (start, map) in case.starts.iter().zip(&maps) {
            let mut gradients = network.gradients();
            let scope = Scope::groups(Vec::<String>::new()).with_input();
            let slope = network
                .backward(&trace, start, &scope, &mut gradients)
                .unwrap()
                .unwrap();
            let mut expected = vec![0.0; map.len()];
            for (place, (slope, x)) in slope.iter().zip(&input).enumerate() {
                expected[place % map.len()] += slope * x;
            }
            assert!(distance(map, &expected) < 1e-12, "{}", architecture.name());
        }
        assert!(network.flex_heatmaps(&trace, &case.starts, -1.0).is_err());
        assert!(network.flex_heatmaps(&trace, &[vec![1.0]], 0.01).is_err());
    }
}

/// Without transitions, whose pools the ε rule would weight, LRP-Flex and the ε rule agree. The ε rule also
/// weights the head's pool, each feature by f / (f + ε): the gated pass gets a head with these weights.
#[test]
fn it_is_the_epsilon_rule_of_the_canonised_network() {
    let (many, size) = architectures().remove(1);
    let one = Architecture::new("one block", *many.stem(), 5, 3, &[4]).unwrap();
    let case = Case::new(&one, size, 1);
    let mut network = Network::new(Reference, &case.weights).unwrap();
    let (_, trace) = network.forward(&case.grey, 1, size, Norm::Running).unwrap();
    let epsilon = 0.05;
    let rule = Rule::Epsilon { epsilon };
    let rules = Rules {
        linear: Rule::Epsilon { epsilon: 0.0 },
        ..Rules::new(rule, rule, epsilon)
    };
    let starts: Vec<Start> = case.starts.iter().map(|start| Start::from(&start[..])).collect();
    let expected = network.relevances(&trace, &starts, &rules).unwrap();
    let features = network.features(&case.grey, 1, size).unwrap();
    let specs = network.parameters();
    let head = specs
        .iter()
        .position(|spec| spec.name == "classifier.weight")
        .unwrap();
    for row in network.values_mut()[head].chunks_exact_mut(features.len()) {
        for (weight, feature) in row.iter_mut().zip(&features) {
            *weight *= feature / (feature + epsilon);
        }
    }
    let found = network.flex_heatmaps(&trace, &case.starts, epsilon).unwrap();
    for (found, expected) in found.iter().zip(&expected) {
        let mut summed = vec![0.0; found.len()];
        for (place, relevance) in expected.input.iter().enumerate() {
            summed[place % found.len()] += relevance;
        }
        let error = distance(found, &summed);
        assert!(error < 1e-12, "{error:e}");
    }
}

#[test]
fn cpu_agrees_with_the_reference() {
    for (architecture, size) in architectures() {
        let case = Case::new(&architecture, size, 5);
        for norm in [Norm::Batch, Norm::Running] {
            let fast = Network::new(Cpu::new(), &case.weights).unwrap();
            let slow = Network::new(Reference, &case.weights).unwrap();
            let (fast_gradients, fast_maps) = case.gradients(&fast, norm, &Scope::all());
            let (slow_gradients, slow_maps) = case.gradients(&slow, norm, &Scope::all());
            let name = architecture.name();
            for (fast, slow) in fast_maps.iter().zip(&slow_maps) {
                let error = distance(fast, slow);
                assert!(error < 1e-3, "{name} {norm:?} map: {error:e}");
            }
            let gradients = fast_gradients.tensors().iter().zip(slow_gradients.tensors());
            for (spec, (fast, slow)) in fast.parameters().iter().zip(gradients) {
                let error = distance(fast, slow);
                assert!(error < 1e-3, "{name} {norm:?} {}: {error:e}", spec.name);
            }
        }
    }
}

#[test]
fn threads_do_not_change_a_bit_and_a_scope_makes_the_same_gradients() {
    let (architecture, size) = architectures().remove(0);
    let case = Case::new(&architecture, size, 3);
    let network = Network::new(Cpu::new(), &case.weights).unwrap();
    let run = |threads: usize, scope: &Scope| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap()
            .install(|| case.gradients(&network, Norm::Batch, scope))
    };
    let (whole, maps) = run(1, &Scope::all());
    for threads in [2, 3] {
        let (found, found_maps) = run(threads, &Scope::all());
        assert!(
            maps == found_maps && whole.tensors() == found.tensors(),
            "{threads}"
        );
    }
    for groups in [
        vec!["head"],
        vec!["block2", "norm"],
        vec!["stem"],
        vec!["transition1"],
    ] {
        let (part, _) = run(1, &Scope::groups(groups.clone()));
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
