//! Every instruction set against the reference, and kernels of shapes that this machine's processor does not
//! have.

#[path = "../../tests/nets/mod.rs"]
mod nets;

use nets::{architectures, distance, films, weights};

use super::kernel::Kernels;
use super::{Cpu, Path};
use crate::{Network, Norm, Reference, Scope};

const BATCH: usize = 5;

fn machines() -> Vec<(&'static str, Cpu)> {
    let wide = Cpu {
        path: Path::Portable,
        kernels: Kernels::as_wide_as_avx512(),
    };
    let paths = Path::available().into_iter();
    paths
        .map(|path| (path.name(), Cpu::with_path(path)))
        .chain([("portable, as wide as AVX-512", wide)])
        .collect()
}

#[test]
fn every_path_computes_what_the_reference_does() {
    for (architecture, size) in architectures() {
        let weights = weights(&architecture, 3, 7);
        let grey = films(BATCH, size, 3);
        let up: Vec<f32> = films(BATCH * 3, 1, 11).iter().map(|value| value - 0.5).collect();
        let up64: Vec<f64> = up.iter().map(|&value| f64::from(value)).collect();
        let scope = Scope::all().with_input();
        for norm in [Norm::Batch, Norm::Running] {
            let slow = Network::new(Reference, &weights).unwrap();
            let (expected, trace) = slow.forward(&grey, BATCH, size, norm).unwrap();
            let mut expected_gradients = slow.gradients();
            let expected_input = slow
                .backward(&trace, &up64, &scope, &mut expected_gradients)
                .unwrap()
                .unwrap();
            for (path, cpu) in machines() {
                let name = format!("{}, {path}, {norm:?}", architecture.name());
                let fast = Network::new(cpu, &weights).unwrap();
                let (logits, trace) = fast.forward(&grey, BATCH, size, norm).unwrap();
                let mut gradients = fast.gradients();
                let input = fast
                    .backward(&trace, &up, &scope, &mut gradients)
                    .unwrap()
                    .unwrap();
                assert!(
                    distance(&logits, &expected) < 1e-5,
                    "{name}: {logits:?}, not {expected:?}"
                );
                assert!(distance(&input, &expected_input) < 2e-4, "{name}: input");
                let tensors = gradients.tensors().iter().zip(expected_gradients.tensors());
                for ((found, expected), spec) in tensors.zip(fast.parameters()) {
                    let error = distance(found, expected);
                    assert!(error < 5e-4, "{name}: {}: {error:e}", spec.name);
                }
                if norm == Norm::Running {
                    let answers = fast.infer(&grey, BATCH, size).unwrap();
                    assert!(distance(&answers, &expected) < 1e-5, "{name}: {answers:?}");
                }
            }
        }
    }
}
