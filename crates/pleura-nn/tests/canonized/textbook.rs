//! The rules of relevance, neuron by neuron.

use std::collections::BTreeMap;

use pleura_nn::Rules;
use pleura_nn::relevance::{Bias, Rule};

use super::network::{Canonized, Kind, Neuron, Role, winner};

/// The account of one layer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Account {
    pub(crate) received: f64,
    pub(crate) passed: f64,
    pub(crate) bias: f64,
    pub(crate) epsilon: f64,
}

impl Canonized<'_> {
    /// Relevance of the input for `start` at the logits, and the account of every layer.
    pub(crate) fn relevance(
        &self,
        values: &[Vec<f64>],
        start: Vec<f64>,
        rules: &Rules,
    ) -> (Vec<f64>, BTreeMap<&str, Account>) {
        let mut relevance: Vec<Vec<f64>> = values.iter().map(|value| vec![0.0; value.len()]).collect();
        *relevance.last_mut().unwrap() = start;
        let mut accounts: BTreeMap<&str, Account> = BTreeMap::new();
        for (number, node) in self.nodes.iter().enumerate().rev() {
            let arriving = std::mem::take(&mut relevance[number]);
            match &node.kind {
                Kind::Input => return (arriving, accounts),
                Kind::Affine(role, neurons) => {
                    let account = accounts.entry(&node.layer).or_default();
                    let (a, below) = (&values[node.from[0]], &mut relevance[node.from[0]]);
                    let rule = (rule_of(&node.layer, *role, rules), rules.bias);
                    // Pools have no bias, so their inputs get no part of one.
                    let pixels = a.len() / 3;
                    let bounds = |j: usize| self.bounds[j / pixels];
                    for (neuron, &r) in neurons.iter().zip(&arriving) {
                        neuron.share(a, r, rule, &bounds, below, account);
                    }
                }
                Kind::Relu | Kind::Passed(_) => add(&mut relevance[node.from[0]], &arriving),
                Kind::Largest(windows) => {
                    for (places, r) in windows.iter().zip(&arriving) {
                        relevance[node.from[0]][winner(&values[node.from[0]], places)] += r;
                    }
                }
                Kind::Concatenation => {
                    let mut rest = &arriving[..];
                    for &from in &node.from {
                        let (part, behind) = rest.split_at(values[from].len());
                        add(&mut relevance[from], part);
                        rest = behind;
                    }
                }
            }
        }
        unreachable!("the first layer is the input")
    }
}

fn add(sums: &mut [f64], values: &[f64]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}

/// The rule of a layer, by its name or its role.
fn rule_of(layer: &str, role: Role, rules: &Rules) -> Rule {
    let (name, rule) = match layer.strip_suffix(".conv, its pool") {
        Some(prefix) => (format!("{prefix}.pool"), Rule::Epsilon { epsilon: rules.pool }),
        None => (
            layer.to_owned(),
            match role {
                Role::Head => rules.linear,
                Role::Plain if layer == "pool" => Rule::Epsilon { epsilon: rules.pool },
                Role::Plain => rules.norm,
                Role::Convolution => rules.convolution,
                Role::First => rules.first,
            },
        ),
    };
    rules.named.get(&name).copied().unwrap_or(rule)
}

impl Neuron {
    /// The rules: `R_j += n_j R / s(Σ n + n_0)`, where `n` are the contributions under the rule and `n_0`
    /// that of the bias. α-β and γ are sums of such terms. `bounds` of each input are for the box rule.
    fn share(
        &self,
        a: &[f64],
        r: f64,
        (rule, policy): (Rule, Bias),
        bounds: &dyn Fn(usize) -> (f64, f64),
        below: &mut [f64],
        account: &mut Account,
    ) {
        account.received += r;
        let b = if policy == Bias::Zero { 0.0 } else { self.bias };
        let z = b + self.inputs.iter().map(|&(j, w)| a[j] * w).sum::<f64>();
        let positive = |n: f64| n.max(0.0);
        let negative = |n: f64| n.min(0.0);
        let sign = |z: f64| if z < 0.0 { -1.0 } else { 1.0 };
        match rule {
            Rule::Epsilon { epsilon } => {
                self.term(
                    &|j, w| a[j] * w,
                    b,
                    (r, sign(z) * epsilon),
                    policy,
                    below,
                    account,
                );
            }
            Rule::Plus { epsilon } => {
                let n = |j: usize, w: f64| positive(a[j]) * positive(w) + negative(a[j]) * negative(w);
                self.term(&n, positive(b), (r, epsilon), policy, below, account);
            }
            Rule::AlphaBeta { alpha, beta, epsilon } => {
                let p = |j: usize, w: f64| positive(a[j]) * positive(w) + negative(a[j]) * negative(w);
                let n = |j: usize, w: f64| positive(a[j]) * negative(w) + negative(a[j]) * positive(w);
                self.term(&p, positive(b), (alpha * r, epsilon), policy, below, account);
                self.term(&n, negative(b), (-beta * r, -epsilon), policy, below, account);
            }
            Rule::Gamma { gamma, epsilon } => {
                // Weights of a positive input grow with the sign of the output, those of a negative one
                // against it.
                let up = |w: f64| w + gamma * positive(w);
                let down = |w: f64| w + gamma * negative(w);
                if z > 0.0 {
                    let n = |j: usize, w: f64| positive(a[j]) * up(w) + negative(a[j]) * down(w);
                    self.term(&n, up(b), (r, epsilon), policy, below, account);
                } else if z < 0.0 {
                    let n = |j: usize, w: f64| positive(a[j]) * down(w) + negative(a[j]) * up(w);
                    self.term(&n, down(b), (r, -epsilon), policy, below, account);
                } else {
                    account.epsilon += r;
                }
            }
            Rule::Square { epsilon } => {
                self.term(&|_, w| w * w, b * b, (r, epsilon), policy, below, account);
            }
            Rule::Flat => self.term(&|_, _| 1.0, 0.0, (r, 0.0), policy, below, account),
            Rule::Box { epsilon } => {
                let n = |j: usize, w: f64| {
                    let (low, high) = bounds(j);
                    a[j] * w - low * positive(w) - high * negative(w)
                };
                self.term(&n, 0.0, (r, epsilon), policy, below, account);
            }
        }
    }

    /// One sum of contributions, one denominator.
    fn term(
        &self,
        n: &dyn Fn(usize, f64) -> f64,
        bias: f64,
        (r, epsilon): (f64, f64),
        policy: Bias,
        below: &mut [f64],
        account: &mut Account,
    ) {
        let z = self.inputs.iter().map(|&(j, w)| n(j, w)).sum::<f64>() + bias;
        if r == 0.0 || z + epsilon == 0.0 {
            account.epsilon += r;
            return;
        }
        let quotient = r / (z + epsilon);
        assert!(quotient.is_finite(), "{r} / ({z} + {epsilon})");
        let absorbs = policy == Bias::Absorb;
        let each = if absorbs {
            bias * quotient / self.inputs.len() as f64
        } else {
            0.0
        };
        for &(j, w) in &self.inputs {
            let sent = n(j, w) * quotient + each;
            below[j] += sent;
            account.passed += sent;
        }
        account.bias += if absorbs { 0.0 } else { bias * quotient };
        account.epsilon += epsilon * quotient;
    }
}
