//! The primitives of relevance, fast against reference: rows longer than a piece, odd grids, norms of both
//! signs.

mod nets;

use nets::{distance, films};
use pleura_nn::architecture::Window;
use pleura_nn::backend::{
    Account, Affine, Backend, Grid, IncomingRelevance, Kernel, Place, Producer, Real, RelevanceStep,
    UniformPart, Unpooled,
};
use pleura_nn::relevance::{Bias, Rule};
use pleura_nn::{Cpu, Reference};

const ROWS: usize = 5;
/// The reader has two rows before the shared ones.
const BEFORE: usize = 2;

/// Numbers between −½ and ½.
fn numbers(count: usize, seed: u64) -> Vec<f32> {
    films(count, 1, seed).iter().map(|value| value - 0.5).collect()
}

fn put<B: Backend>(backend: &B, values: &[f32]) -> B::Tensor {
    let values: Vec<B::Real> = values.iter().map(|&v| B::Real::from_f64(f64::from(v))).collect();
    backend.upload(&values)
}

/// A case.
#[derive(Clone, Copy, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "ways in which cases differ")]
struct Case {
    rule: Rule,
    diagonal: bool,
    factor: bool,
    pooled: bool,
    first: bool,
    bias: Bias,
}

/// The results of one backend: the map of shares, the uniform parts, and the accounts.
fn share<B: Backend>(
    backend: &B,
    case: Case,
    grid: Grid,
    below: Grid,
) -> (Vec<B::Real>, Vec<B::Real>, Vec<Account>) {
    let columns = grid.columns();
    let mut raw = numbers((BEFORE + ROWS) * columns, 1);
    if case.diagonal {
        for x in &mut raw {
            *x = x.max(0.0);
        }
    }
    let arriving = numbers((BEFORE + ROWS) * columns, 2);
    let unpooled = numbers(ROWS * below.columns(), 3);
    let whole = if case.pooled {
        &unpooled[..]
    } else {
        &raw[BEFORE * columns..]
    };
    let negated: [Option<usize>; ROWS] = match case.rule {
        Rule::AlphaBeta { .. } | Rule::Gamma { .. } => [Some(8), Some(6), Some(5), Some(7), Some(9)],
        _ => [None, Some(6), Some(5), Some(7), None],
    };
    // The product of positive weights is at least as large as the whole and never negative; the negative ones
    // account for the difference.
    let more = films(whole.len(), 1, 4);
    let mut products = vec![0.0; 10 * below.columns()];
    for (row, negated) in negated.into_iter().enumerate() {
        for column in 0..below.columns() {
            let (x, more) = (
                whole[row * below.columns() + column],
                more[row * below.columns() + column],
            );
            products[row * below.columns() + column] = x.max(0.0) + more;
            if let Some(negated) = negated {
                products[negated * below.columns() + column] = (-x).max(0.0) + more;
            }
        }
    }
    let equal = numbers(columns, 6);
    let (raw, arriving, equal) = (put(backend, &raw), put(backend, &arriving), put(backend, &equal));
    let (unpooled, products) = (put(backend, &unpooled), put(backend, &products));
    let affine = Affine {
        scale: put(backend, &[1.0, 1.0, 0.7, -1.3, 0.4, -0.2, 1.1]),
        shift: put(backend, &[0.0, 0.0, 0.1, 0.3, -0.2, -0.1, 0.0]),
    };
    let places: Vec<Place> = negated
        .into_iter()
        .enumerate()
        .map(|(direct, negated)| Place { direct, negated })
        .collect();
    let mut out = put(backend, &numbers(10 * below.columns(), 5));
    let mut kept = put(backend, &numbers((1 + ROWS) * below.columns(), 7));
    let accounts = backend.relevance_step(RelevanceStep {
        producer: if case.diagonal {
            Producer::Diagonal
        } else {
            Producer::Convolution(&products)
        },
        rule: case.rule,
        bias: case.bias,
        arriving: if case.factor {
            IncomingRelevance::Factor(&arriving)
        } else {
            IncomingRelevance::Relevance(&arriving)
        },
        equal: (!case.factor).then_some(&equal),
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
        kept: (!case.diagonal).then_some(UniformPart {
            map: &mut kept,
            row: 1,
            part: 0.25,
        }),
    });
    (backend.download(&out), backend.download(&kept), accounts)
}

fn rules(epsilon: f64) -> [Rule; 6] {
    [
        Rule::Epsilon { epsilon },
        Rule::Plus { epsilon },
        Rule::AlphaBeta {
            alpha: 2.0,
            beta: 1.0,
            epsilon,
        },
        Rule::Gamma { gamma: 0.25, epsilon },
        Rule::Square { epsilon },
        Rule::Flat,
    ]
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (factor, epsilon) in [(true, 0.07), (false, 0.07), (true, 0.0)] {
        for rule in rules(epsilon) {
            for (pooled, first) in [(false, false), (false, true), (true, false), (true, true)] {
                for bias in [Bias::Ledger, Bias::Zero, Bias::Absorb] {
                    for diagonal in [false, true] {
                        // Without an ε, quotients of quarters, which have both signs, are unbounded. So are
                        // those of outputs whose bias counts as zero while the `ReLU` behind saw it.
                        let bounded = epsilon > 0.0 || (!pooled && bias == Bias::Ledger);
                        if bounded && !(diagonal && pooled) {
                            cases.push(Case {
                                rule,
                                diagonal,
                                factor,
                                pooled,
                                first,
                                bias,
                            });
                        }
                    }
                }
            }
        }
    }
    cases
}

#[test]
fn shares_are_the_plain_ones() {
    let grid = |height, width| Grid {
        batch: 2,
        height,
        width,
    };
    for case in cases() {
        let small = grid(41, 29);
        let below = if case.pooled { grid(83, 58) } else { small };
        let (fast, fast_kept, fast_accounts) = share(&Cpu::new(), case, small, below);
        let (slow, slow_kept, slow_accounts) = share(&Reference, case, small, below);
        let error = distance(&fast, &slow).max(distance(&fast_kept, &slow_kept));
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

/// Without an ε, relevance without a denominator stays where it is, and no share is NaN.
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
    for rule in [Rule::Epsilon { epsilon: 0.0 }, Rule::Plus { epsilon: 0.0 }] {
        let mut out = vec![0.0; 11];
        let accounts = backend.relevance_step(RelevanceStep {
            producer: Producer::Convolution(&zeros),
            rule,
            bias: Bias::Ledger,
            arriving: IncomingRelevance::Relevance(&vec![0.5; 11]),
            equal: None,
            rows: 0..1,
            raw: &zeros,
            affine: &affine,
            grid,
            unpooled: None,
            places: &[Place {
                direct: 0,
                negated: None,
            }],
            first: true,
            out: &mut out,
            kept: None,
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
        let fast_sums = cpu.flat(window, &relevance, (0..4, 3), grid, &mut fast);
        let slow_sums = Reference.flat(window, &put(&Reference, &relevance), (0..4, 3), grid, &mut slow);
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
    let fast = Cpu::new().rule_weights(kernel, Rule::Plus { epsilon: 0.0 }, &[1, 4]);
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
    assert_eq!(
        Reference.rule_weights(kernel, Rule::Plus { epsilon: 0.0 }, &[1, 4]),
        put(&Reference, &expected)
    );
}
