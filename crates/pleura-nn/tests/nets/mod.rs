//! Networks, films and distances shared by several tests.
#![allow(
    clippy::unwrap_used,
    dead_code,
    reason = "a module of tests, of which each test file uses a part"
)]

use pleura_nn::architecture::{Stem, Window};
use pleura_nn::backend::Real;
use pleura_nn::weights::Normalisation;
use pleura_nn::{Architecture, Weights};

/// Small networks with awkward numbers: widths that fill no vector, odd maps, a stem without a pool.
pub(crate) fn architectures() -> Vec<(Architecture, usize)> {
    let window = |kernel, stride, padding| Window {
        kernel,
        stride,
        padding,
    };
    let odd = Stem {
        channels: 7,
        convolution: window(5, 1, 2),
        pool: Some(window(2, 2, 0)),
    };
    let bare = Stem {
        channels: 6,
        convolution: window(3, 2, 1),
        pool: None,
    };
    vec![
        (
            Architecture::new("torch-like", Stem::torchvision(8), 4, 4, &[2, 2, 2]).unwrap(),
            43,
        ),
        (Architecture::new("odd", odd, 5, 3, &[3, 1]).unwrap(), 23),
        (Architecture::new("bare", bare, 3, 2, &[2, 2]).unwrap(), 19),
        (
            Architecture::new("wide", Stem::torchvision(48), 24, 4, &[2, 2]).unwrap(),
            33,
        ),
        // Columns of the first window that never touch the film.
        (
            Architecture::new("narrow", Stem::torchvision(4), 2, 4, &[1]).unwrap(),
            2,
        ),
    ]
}

/// Weights with norms of both signs and statistics away from 0 and 1.
pub(crate) fn weights(architecture: &Architecture, outputs: usize, seed: u64) -> Weights {
    let findings: Vec<String> = (0..outputs).map(|number| format!("finding {number}")).collect();
    let mut weights = Weights::initialise(architecture, &findings, Normalisation::IMAGENET, seed);
    let mut state = seed;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 24) as f32
    };
    for (name, array) in &mut weights.tensors {
        for value in &mut array.data {
            if name.ends_with("running_var") {
                *value = 0.5 + next();
            } else if name.ends_with("running_mean") {
                *value = next() - 0.5;
            } else if name.contains("norm") && name.ends_with("weight") {
                *value = if next() < 0.3 { -0.4 - next() } else { 0.4 + next() };
            } else if name.contains("norm") {
                *value = 0.6 * next() - 0.2;
            }
        }
    }
    weights
}

pub(crate) fn films(batch: usize, size: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 24) as f32
    };
    (0..batch * size * size).map(|_| next()).collect()
}

pub(crate) fn distance<A: Real, B: Real>(a: &[A], b: &[B]) -> f64 {
    assert_eq!(a.len(), b.len());
    let (mut difference, mut norm) = (0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        difference += (a.to_f64() - b.to_f64()).powi(2);
        norm += b.to_f64().powi(2);
    }
    (difference / norm.max(1e-20)).sqrt()
}
