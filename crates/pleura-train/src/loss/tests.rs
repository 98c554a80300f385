use super::*;
use crate::golden::{assert_close, golden, numbers, wave};

fn logits() -> Vec<f32> {
    wave(15, 1.3, 0.2).into_iter().map(|value| 4.0 * value).collect()
}

fn exclusive() -> (Loss, Targets) {
    (
        Loss::Exclusive {
            weights: vec![0.5, 1.0, 2.5],
        },
        Targets::Classes(vec![0, 2, 1, 1, 2]),
    )
}

fn independent() -> (Loss, Targets) {
    let labels = [1, 0, -1, -1, 1, 1, 0, 0, 1, -1, -1, -1, 1, 0, 0];
    let labels = labels
        .into_iter()
        .map(|label| (label >= 0).then_some(label == 1))
        .collect();
    let loss = Loss::Independent {
        weights: vec![0.5, 1.0, 2.5],
        positive_weights: vec![3.0, 1.0, 0.25],
    };
    (loss, Targets::Findings(labels))
}

#[test]
fn losses_and_gradients_are_torchs() {
    for (name, (loss, targets)) in [("exclusive", exclusive()), ("independent", independent())] {
        let (value, gradient) = loss.with_gradient(&logits(), &targets).unwrap();
        let expected = golden(&["losses", name]);
        assert_close(&[value.mean()], &[expected["loss"].as_f64().unwrap()], 1e-12);
        let gradient: Vec<f64> = gradient.into_iter().map(f64::from).collect();
        assert_close(&gradient, &numbers(&expected["gradient"]), 1e-6);
        assert_eq!(loss.value(&logits(), &targets).unwrap(), value);
    }
}

#[test]
fn gradients_are_slopes() {
    // Steps of 2⁻⁸ are exact in f32, so the slope's own error is the third derivative's.
    let step = 1.0 / 256.0;
    for (loss, targets) in [exclusive(), independent()] {
        let (_, gradient) = loss.with_gradient(&logits(), &targets).unwrap();
        for index in 0..gradient.len() {
            let shifted = |by: f32| {
                let mut logits: Vec<f32> = logits()
                    .iter()
                    .map(|value| (value * 1024.0).round() / 1024.0)
                    .collect();
                logits[index] += by;
                loss.value(&logits, &targets).unwrap().mean()
            };
            let slope = (shifted(step) - shifted(-step)) / (2.0 * f64::from(step));
            assert!(
                (slope - f64::from(gradient[index])).abs() < 3e-4,
                "{index}: {slope} {}",
                gradient[index]
            );
        }
    }
}

#[test]
fn unknown_labels_say_nothing() {
    let (loss, _) = independent();
    let (value, gradient) = loss
        .with_gradient(&logits(), &Targets::Findings(vec![None; 15]))
        .unwrap();
    assert_eq!((value.mean(), gradient), (0.0, vec![0.0; 15]));
    // A label more on one film leaves the slope of another film's known label as it was, but for the mean.
    let mut labels = vec![None; 15];
    labels[4] = Some(true);
    let (_, alone) = loss
        .with_gradient(&logits(), &Targets::Findings(labels.clone()))
        .unwrap();
    labels[0] = Some(false);
    let (_, beside) = loss.with_gradient(&logits(), &Targets::Findings(labels)).unwrap();
    assert!((alone[4] - 2.0 * beside[4]).abs() < 1e-7);
}

#[test]
fn huge_logits_stay_finite() {
    let (loss, targets) = exclusive();
    let huge: Vec<f32> = (0..15).map(|i| if i % 2 == 0 { 3e38 } else { -3e38 }).collect();
    let (value, gradient) = loss.with_gradient(&huge, &targets).unwrap();
    assert!(value.mean().is_finite() && gradient.iter().all(|value| value.is_finite()));
    let (loss, targets) = independent();
    let (value, gradient) = loss.with_gradient(&huge, &targets).unwrap();
    assert!(value.mean().is_finite() && gradient.iter().all(|value| value.is_finite()));
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let (loss, targets) = exclusive();
    assert!(loss.value(&logits()[1..], &targets).is_err());
    assert!(
        loss.value(&logits(), &Targets::Classes(vec![0, 1, 2, 3, 0]))
            .is_err()
    );
    assert!(loss.value(&logits(), &independent().1).is_err());
}
