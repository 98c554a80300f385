//! Against torchvision: logits of the four architectures, and one training step, number by number.

#![allow(clippy::unwrap_used, reason = "tests")]

mod golden;

use golden::{Expected, expected, relative_error};
use pleura_nn::backend::{Backend, Real};
use pleura_nn::{Cpu, Network, Norm, Reference, Scope};

/// Logits with running statistics equal torchvision's.
fn answers<B: Backend>(backend: B, name: &str, tolerance: f64) {
    let expected = expected(name);
    let network = Network::new(backend, &expected.weights()).unwrap();
    let logits = network
        .infer(&expected.films(), expected.batch, expected.side)
        .unwrap();
    let error = relative_error(&wide(&logits), &expected.logits);
    assert!(error < tolerance, "{name}: logits are {error:e} away");
}

/// Loss, the gradient of every tensor and the running statistics after one step equal torchvision's.
fn steps<B: Backend>(backend: B, name: &str, tolerance: f64) {
    let expected = expected(name);
    let mut network = Network::new(backend, &expected.weights()).unwrap();
    let (logits, trace) = network
        .forward(&expected.films(), expected.batch, expected.side, Norm::Batch)
        .unwrap();
    let (loss, up) = cross_entropy(&wide(&logits), &expected);
    assert!(
        (loss - expected.loss).abs() < tolerance * expected.loss,
        "{name}: loss {loss}, torchvision's {}",
        expected.loss
    );

    let up: Vec<B::Real> = up.into_iter().map(B::Real::from_f64).collect();
    let mut gradients = network.gradients();
    let input = network
        .backward(&trace, &up, &Scope::all().with_input(), &mut gradients)
        .unwrap()
        .unwrap();
    let mut found: Vec<(String, Vec<f64>)> = network
        .parameters()
        .iter()
        .zip(gradients.tensors())
        .filter(|(spec, _)| spec.kind.trainable())
        .map(|(spec, tensor)| (spec.name.clone(), wide(&network.backend().download(tensor))))
        .collect();
    let input = wide(&network.backend().download(&input));
    found.push(("input".to_owned(), films_first(&input, expected.batch, 3)));
    assert_eq!(found.len(), expected.gradients.len());
    for (tensor, gradient) in &found {
        let error = expected.gradients[tensor].error(tensor, gradient);
        assert!(
            error < tolerance,
            "{name}: the gradient of {tensor} is {error:e} away"
        );
    }

    network.update_running(&trace, 0.1).unwrap();
    let mut running = 0;
    for (spec, value) in network.parameters().iter().zip(network.values()) {
        if let Some(summary) = expected.running.get(&spec.name) {
            let error = summary.error(&spec.name, &wide(&network.backend().download(value)));
            assert!(error < tolerance, "{name}: {} is {error:e} away", spec.name);
            running += 1;
        }
    }
    assert_eq!(running, expected.running.len());
}

/// Mean cross-entropy with the softmax of `[batch, outputs]` logits, and its gradient.
fn cross_entropy(logits: &[f64], expected: &Expected) -> (f64, Vec<f64>) {
    let (mut loss, mut gradient) = (0.0, Vec::with_capacity(logits.len()));
    let films = expected.batch as f64;
    for (logits, target) in logits.chunks_exact(expected.outputs).zip(expected.targets()) {
        let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = logits.iter().map(|logit| (logit - largest).exp()).sum();
        loss -= (logits[target] - largest - sum.ln()) / films;
        let classes = logits.iter().enumerate();
        gradient.extend(classes.map(|(class, logit)| {
            ((logit - largest).exp() / sum - f64::from(u8::from(class == target))) / films
        }));
    }
    (loss, gradient)
}

/// `[channels, batch, pixels]` → `[batch, channels, pixels]`.
fn films_first(values: &[f64], batch: usize, channels: usize) -> Vec<f64> {
    let pixels = values.len() / (batch * channels);
    (0..batch)
        .flat_map(|film| {
            (0..channels).flat_map(move |channel| &values[(channel * batch + film) * pixels..][..pixels])
        })
        .copied()
        .collect()
}

fn wide<R: Real>(values: &[R]) -> Vec<f64> {
    values.iter().map(|value| value.to_f64()).collect()
}

#[test]
fn logits_of_all_four_architectures() {
    for name in ["densenet121", "densenet161", "densenet169", "densenet201"] {
        for side in [97, 224] {
            answers(Cpu::new(), &format!("{name}_eval_{side}"), 1e-4);
        }
    }
}

#[test]
fn logits_of_networks_of_torchvisions_class_with_other_numbers() {
    for name in ["tiny_eval_33", "small_eval_64", "small_eval_65"] {
        answers(Cpu::new(), name, 1e-4);
        answers(Reference, name, 1e-9);
    }
}

#[test]
fn a_training_step_of_small_networks() {
    for name in ["tiny_train_33", "small_train_64", "small_train_96"] {
        steps(Cpu::new(), name, 1e-3);
        steps(Reference, name, 1e-7);
    }
}

#[test]
fn a_training_step_of_densenet121() {
    steps(Cpu::new(), "densenet121_train_64", 1e-3);
    steps(Cpu::new(), "densenet121_train_224", 1e-3);
}

#[test]
fn a_training_step_of_densenet201() {
    steps(Cpu::new(), "densenet201_train_97", 1e-3);
}
