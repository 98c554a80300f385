use super::*;
use crate::golden::{assert_close, golden, numbers, wave};
use pleura_run::recipe::Decay;

fn sgd(momentum: f64, nesterov: bool, weight_decay: f64) -> OptimiserRecipe {
    OptimiserRecipe::Sgd {
        momentum,
        nesterov,
        weight_decay,
        decay: Decay::All,
    }
}

fn adamw(betas: [f64; 2], eps: f64, weight_decay: f64) -> OptimiserRecipe {
    OptimiserRecipe::AdamW {
        betas,
        eps,
        weight_decay,
        decay: Decay::All,
    }
}

#[test]
fn six_steps_are_torchs() {
    for (name, rate, optimiser) in [
        ("sgd", 0.1, sgd(0.0, false, 0.0)),
        ("sgd momentum", 0.1, sgd(0.9, false, 0.0)),
        ("sgd momentum decay", 0.1, sgd(0.9, false, 0.01)),
        ("sgd nesterov decay", 0.1, sgd(0.9, true, 0.01)),
        ("adamw", 0.01, adamw([0.9, 0.999], 1e-8, 0.0)),
        ("adamw decay", 0.01, adamw([0.8, 0.99], 1e-6, 0.1)),
    ] {
        let mut values = wave(7, 0.9, 0.1);
        let mut state = State::default();
        for index in 0..6 {
            let gradient = wave(7, 0.7, 0.5 * f64::from(index));
            step(&optimiser, rate, true, 1.0, &mut values, &gradient, &mut state);
        }
        let values: Vec<f64> = values.into_iter().map(f64::from).collect();
        assert_close(&values, &numbers(&golden(&["optimisers", name])), 2e-6);
    }
}

#[test]
fn what_does_not_decay_moves_as_without_decay() {
    for (with, without) in [
        (sgd(0.9, true, 0.5), sgd(0.9, true, 0.0)),
        (adamw([0.9, 0.999], 1e-8, 0.5), adamw([0.9, 0.999], 1e-8, 0.0)),
    ] {
        let (mut a, mut b, mut c) = (wave(9, 0.9, 0.1), wave(9, 0.9, 0.1), wave(9, 0.9, 0.1));
        let gradient = wave(9, 0.7, 0.0);
        step(&with, 0.1, false, 1.0, &mut a, &gradient, &mut State::default());
        step(&without, 0.1, true, 1.0, &mut b, &gradient, &mut State::default());
        step(&with, 0.1, true, 1.0, &mut c, &gradient, &mut State::default());
        assert_eq!(a, b);
        assert_ne!(a, c);
    }
}

#[test]
fn the_clip_is_torchs() {
    let gradient: Vec<f32> = wave(7, 0.7, 0.0).into_iter().map(|value| 5.0 * value).collect();
    let expected = golden(&["optimisers", "clip"]);
    let norm = global_norm([&gradient[..3], &gradient[3..]].into_iter());
    assert_close(&[norm], &[expected["norm"].as_f64().unwrap()], 1e-6);
    let scale = clip_scale(norm, Some(1.5));
    let clipped: Vec<f64> = gradient.iter().map(|value| f64::from(value * scale)).collect();
    assert_close(&clipped, &numbers(&expected["gradient"]), 1e-6);
    assert_eq!((clip_scale(1.0, Some(1.5)), clip_scale(9.0, None)), (1.0, 1.0));
}

#[test]
fn threads_change_no_bit() {
    let count = 3 * PIECE + 17;
    let run = |threads| {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap()
            .install(|| {
                let mut values = wave(count, 0.9, 0.1);
                let gradient = wave(count, 0.7, 0.3);
                let mut state = State::default();
                for _ in 0..3 {
                    let scale = clip_scale(global_norm([&gradient[..]].into_iter()), Some(1.0));
                    step(
                        &adamw([0.9, 0.999], 1e-8, 0.1),
                        0.1,
                        true,
                        scale,
                        &mut values,
                        &gradient,
                        &mut state,
                    );
                }
                values
            })
    };
    assert_eq!(run(1), run(3));
}
