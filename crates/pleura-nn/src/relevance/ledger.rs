//! The ledger: an account of relevance, layer by layer.

use schemars::JsonSchema;
use serde::Serialize;

use crate::backend::Account;

/// The account of one film's relevance. In each layer, `received = passed + bias + epsilon` up to rounding.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Ledger {
    /// Relevance at the start.
    pub start: f64,
    /// Relevance at the input.
    pub input: f64,
    /// Parts of the biases in all layers.
    pub bias: f64,
    /// Parts of the stabilisers in all layers.
    pub epsilon: f64,
    /// From the head down.
    pub entries: Vec<Entry>,
}

/// One layer of a [`Ledger`].
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Entry {
    /// torchvision's name of the layer.
    pub layer: String,
    /// Relevance from all readers.
    pub received: f64,
    /// Relevance passed to the inputs.
    pub passed: f64,
    /// Part of the bias, with that of merged norms.
    pub bias: f64,
    /// Part of the stabilisers.
    pub epsilon: f64,
}

impl Entry {
    /// `received − passed − bias − epsilon`: only rounding.
    pub fn residual(&self) -> f64 {
        self.received - self.passed - self.bias - self.epsilon
    }
}

impl Ledger {
    /// `start − input − bias − epsilon`: only rounding.
    pub fn residual(&self) -> f64 {
        self.start - self.input - self.bias - self.epsilon
    }
}

/// The ledgers of a batch while a pass fills them.
pub(crate) struct LedgerBuilder {
    ledgers: Vec<Ledger>,
}

impl LedgerBuilder {
    pub(crate) fn new(start: &[f64]) -> Self {
        let open = |&start: &f64| Ledger {
            start,
            input: 0.0,
            bias: 0.0,
            epsilon: 0.0,
            entries: Vec::new(),
        };
        Self {
            ledgers: start.iter().map(open).collect(),
        }
    }

    /// Adds a layer's entry for each film.
    pub(crate) fn add_entry(&mut self, layer: &str, accounts: &[Account], passed: &[f64]) {
        for ((ledger, account), &passed) in self.ledgers.iter_mut().zip(accounts).zip(passed) {
            let Account {
                received,
                bias,
                epsilon,
            } = *account;
            ledger.bias += bias;
            ledger.epsilon += epsilon;
            ledger.entries.push(Entry {
                layer: layer.to_owned(),
                received,
                passed,
                bias,
                epsilon,
            });
        }
    }

    pub(crate) fn finish(mut self, input: &[f64]) -> Vec<Ledger> {
        for (ledger, &input) in self.ledgers.iter_mut().zip(input) {
            ledger.input = input;
        }
        self.ledgers
    }
}

/// Sums the accounts of rows, `[rows, batch]`, for each image.
pub(crate) fn by_image(accounts: &[Account], batch: usize) -> Vec<Account> {
    let mut sums = vec![Account::default(); batch];
    for row in accounts.chunks_exact(batch) {
        add(&mut sums, row);
    }
    sums
}

/// Adds the accounts of one reader to those of a layer.
pub(crate) fn add(total: &mut [Account], part: &[Account]) {
    for (total, part) in total.iter_mut().zip(part) {
        total.received += part.received;
        total.bias += part.bias;
        total.epsilon += part.epsilon;
    }
}
