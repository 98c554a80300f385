//! The rules of relevance, neuron by neuron.

use std::collections::BTreeMap;

use pleura_nn::Rules;
use pleura_nn::relevance::{FirstRule, Rule};

use super::network::{Kind, Neuron, Role, Untangled, winner};

/// What a layer did with the relevance of one film.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Account {
    pub(crate) received: f64,
    pub(crate) passed: f64,
    pub(crate) bias: f64,
    pub(crate) epsilon: f64,
}

impl Untangled<'_> {
    /// Relevance of the input for `start` at the logits, and what every layer did with it.
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
                    for (neuron, &r) in neurons.iter().zip(&arriving) {
                        neuron.share(a, r, (*role, rules), below, account);
                    }
                }
                Kind::Relu => add(&mut relevance[node.from[0]], &arriving),
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

impl Neuron {
    /// The rules: `R_j += n_j R / s(Σ n + n_0)`, where `n` are the contributions that a rule sees and `n_0` the bias's.
    fn share(
        &self,
        a: &[f64],
        r: f64,
        (role, rules): (Role, &Rules),
        below: &mut [f64],
        account: &mut Account,
    ) {
        if r == 0.0 {
            return;
        }
        let plus = |a: f64, w: f64| a.max(0.0) * w.max(0.0) + a.min(0.0) * w.min(0.0);
        let product = |a: f64, w: f64| a * w;
        let equal = |_: f64, _: f64| 1.0;
        let (contribution, bias, epsilon): (&dyn Fn(f64, f64) -> f64, f64, f64) = match role {
            Role::Head => (&product, self.bias, rules.head_epsilon),
            Role::Plain => (&product, self.bias, rules.epsilon),
            Role::Convolution => match rules.convolution {
                Rule::Epsilon { epsilon } => (&product, self.bias, epsilon),
                Rule::Plus { epsilon } => (&plus, self.bias.max(0.0), epsilon),
            },
            Role::First => match rules.first {
                FirstRule::Epsilon { epsilon } => (&product, self.bias, epsilon),
                FirstRule::Flat => (&equal, 0.0, 0.0),
            },
        };
        let parts = |&(j, w): &(usize, f64)| contribution(a[j], w);
        let z = self.inputs.iter().map(parts).sum::<f64>() + bias;
        let signed = if z < 0.0 { -epsilon } else { epsilon };
        let quotient = r / (z + signed);
        assert!(quotient.is_finite(), "{r} / ({z} + {signed})");
        for tap in &self.inputs {
            let sent = parts(tap) * quotient;
            below[tap.0] += sent;
            account.passed += sent;
        }
        account.received += r;
        account.bias += bias * quotient;
        account.epsilon += signed * quotient;
    }
}
