//! Relevance's primitives, fast against plain: rows longer than the pieces they are cut into, odd grids, norms of both signs.

mod nets;

use nets::{distance, films};
use pleura_nn::architecture::Window;
use pleura_nn::backend::{
    Account, Affine, Arriving, Backend, Grid, Kernel, Place, Producer, Real, Share, Unpooled,
};
use pleura_nn::{Cpu, Reference};

const ROWS: usize = 5;
/// The reader counts two rows before those that are shared.
const BEFORE: usize = 2;

/// Numbers between −½ and ½.
fn numbers(count: usize, seed: u64) -> Vec<f32> {
    films(count, 1, seed).iter().map(|value| value - 0.5).collect()
}

fn put<B: Backend>(backend: &B, values: &[f32]) -> B::Tensor {
    let values: Vec<B::Real> = values.iter().map(|&v| B::Real::from_f64(f64::from(v))).collect();
    backend.upload(&values)
}

/// What a case asks for.
#[derive(Clone, Copy, Debug)]
struct Case {
    rule: &'static str,
    epsilon: f64,
    factor: bool,
    pooled: bool,
    first: bool,
}

/// Shares on one backend: the map of shares and the accounts.
fn share<B: Backend>(backend: &B, case: Case, grid: Grid, below: Grid) -> (Vec<B::Real>, Vec<Account>) {
    let columns = grid.columns();
    let (raw, arriving) = (
        numbers((BEFORE + ROWS) * columns, 1),
        numbers((BEFORE + ROWS) * columns, 2),
    );
    let (raw, arriving) = (put(backend, &raw), put(backend, &arriving));
    let unpooled = numbers(ROWS * below.columns(), 3);
    // What the positive weights make is as large as the whole, and never negative.
    let whole = if case.pooled {
        unpooled.clone()
    } else {
        numbers((BEFORE + ROWS) * columns, 1)[BEFORE * columns..].to_vec()
    };
    let more = films(whole.len(), 1, 4);
    let positive: Vec<f32> = whole
        .iter()
        .zip(more)
        .map(|(w, more)| w.max(0.0) + more)
        .collect();
    let (unpooled, positive) = (put(backend, &unpooled), put(backend, &positive));
    let affine = Affine {
        scale: put(backend, &[1.0, 1.0, 0.7, -1.3, 0.4, -0.2, 1.1]),
        shift: put(backend, &[0.0, 0.0, 0.1, 0.3, -0.2, -0.1, 0.0]),
    };
    let turned = [None, Some(6), Some(5), Some(7), None];
    let places: Vec<Place> = turned
        .into_iter()
        .enumerate()
        .map(|(upright, turned)| Place { upright, turned })
        .collect();
    let mut out = put(backend, &numbers(8 * below.columns(), 5));
    let epsilon = case.epsilon;
    let accounts = backend.share(Share {
        producer: match case.rule {
            "ε" => Producer::Epsilon { epsilon },
            "diagonal" => Producer::Diagonal { epsilon },
            _ => Producer::Plus {
                epsilon,
                positive: &positive,
            },
        },
        arriving: if case.factor {
            Arriving::Factor(&arriving)
        } else {
            Arriving::Relevance(&arriving)
        },
        rows: BEFORE..BEFORE + ROWS,
        raw: &raw,
        affine: &affine,
        grid,
        unpooled: case.pooled.then_some(Unpooled {
            raw: &unpooled,
            grid: below,
            epsilon: 0.03,
        }),
        places: &places,
        first: case.first,
        out: &mut out,
    });
    (backend.download(&out), accounts)
}

#[test]
fn shares_are_the_plain_ones() {
    let grid = |height, width| Grid {
        batch: 2,
        height,
        width,
    };
    for rule in ["ε", "diagonal", "z⁺"] {
        for (pooled, first) in [(false, false), (false, true), (true, false), (true, true)] {
            for (factor, epsilon) in [(true, 0.07), (false, 0.07), (true, 0.0)] {
                if epsilon == 0.0 && pooled {
                    // Quarters have both signs: without an ε their quotients have no bound.
                    continue;
                }
                let case = Case {
                    rule,
                    epsilon,
                    factor,
                    pooled,
                    first,
                };
                let small = grid(41, 29);
                let below = if pooled { grid(83, 58) } else { small };
                let (fast, fast_accounts) = share(&Cpu::new(), case, small, below);
                let (slow, slow_accounts) = share(&Reference, case, small, below);
                let error = distance(&fast, &slow);
                assert!(error < 2e-5, "{case:?}: {error:e}");
                assert_eq!(fast_accounts.len(), slow_accounts.len());
                for (fast, slow) in fast_accounts.iter().zip(&slow_accounts) {
                    for (fast, slow) in [
                        (fast.received, slow.received),
                        (fast.bias, slow.bias),
                        (fast.epsilon, slow.epsilon),
                    ] {
                        assert!(
                            (fast - slow).abs() < 2e-4 * (1.0 + slow.abs()),
                            "{case:?}: {fast} {slow}"
                        );
                    }
                }
            }
        }
    }
}

/// Without an ε, what has no denominator stays there: nobody is sent a share that is no number.
#[test]
fn what_has_no_denominator_is_accounted_for() {
    let backend = Cpu::new();
    let grid = Grid {
        batch: 1,
        height: 1,
        width: 11,
    };
    let affine = Affine {
        scale: vec![1.0],
        shift: vec![0.0],
    };
    let zeros = vec![0.0; 11];
    for producer in [
        Producer::Epsilon { epsilon: 0.0 },
        Producer::Plus {
            epsilon: 0.0,
            positive: &zeros,
        },
    ] {
        let mut out = vec![0.0; 11];
        let accounts = backend.share(Share {
            producer,
            arriving: Arriving::Relevance(&vec![0.5; 11]),
            rows: 0..1,
            raw: &zeros,
            affine: &affine,
            grid,
            unpooled: None,
            places: &[Place {
                upright: 0,
                turned: None,
            }],
            first: true,
            out: &mut out,
        });
        assert_eq!(out, zeros);
        let expected = Account {
            received: 5.5,
            bias: 0.0,
            epsilon: 5.5,
        };
        assert_eq!(accounts, [expected]);
    }
}

#[test]
fn the_flat_rule_is_the_plain_one() {
    for (kernel, stride, padding) in [(7, 2, 3), (5, 1, 2), (3, 2, 1), (2, 3, 0)] {
        let window = Window {
            kernel,
            stride,
            padding,
        };
        let grid = Grid {
            batch: 2,
            height: 23,
            width: 18,
        };
        let relevance = numbers(4 * grid.after(window).columns(), 9);
        let (cpu, mut fast, mut slow) = (
            Cpu::new(),
            vec![1.0; 3 * grid.columns()],
            vec![1.0; 3 * grid.columns()],
        );
        let fast_sums = cpu.flat(window, &relevance, (4, 3), grid, &mut fast);
        let slow_sums = Reference.flat(window, &put(&Reference, &relevance), (4, 3), grid, &mut slow);
        let error = distance(&fast, &slow);
        assert!(error < 1e-6, "{window:?}: {error:e}");
        for (fast, slow) in fast_sums.iter().zip(&slow_sums) {
            assert!((fast - slow).abs() < 1e-9, "{window:?}: {fast} {slow}");
        }
    }
}

#[test]
fn weights_are_split_by_sign() {
    let weights = numbers(6 * 4, 3);
    let kernel = Kernel {
        weights: &weights,
        outputs: 6,
        inputs: 4,
        prepared: None,
        exact: false,
    };
    let fast = Cpu::new().rectify(kernel, &[1, 4]);
    let expected: Vec<f32> = weights
        .iter()
        .map(|w| w.max(0.0))
        .chain(
            weights[4..8]
                .iter()
                .chain(&weights[16..20])
                .map(|w| (-w).max(0.0)),
        )
        .collect();
    assert_eq!(fast, expected);
    let exact = put(&Reference, &weights);
    let kernel = Kernel {
        weights: &exact,
        outputs: 6,
        inputs: 4,
        prepared: None,
        exact: false,
    };
    assert_eq!(Reference.rectify(kernel, &[1, 4]), put(&Reference, &expected));
}
