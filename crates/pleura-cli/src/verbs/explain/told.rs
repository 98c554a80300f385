//! What is said about maps: in words, and as JSON.

use pleura_explain::{Account, Map};
use serde_json::{Map as Object, Value, json};

/// Integrated gradients that leave this share of the difference open need more steps.
const TOO_MUCH: f64 = 0.05;

/// What is known of a map's sum, as members of its record.
pub(super) fn record(map: &Map) -> Object<String, Value> {
    let mut record = Object::new();
    record.insert("start".to_owned(), json!(map.value));
    if let Some(pixels) = map.account.pixels() {
        record.insert("input".to_owned(), json!(pixels));
    }
    match &map.account {
        Account::Ledger(ledger) => {
            record.insert("bias".to_owned(), json!(ledger.bias));
            record.insert("epsilon".to_owned(), json!(ledger.epsilon));
        }
        Account::Baseline { baseline, .. } => {
            record.insert("baseline".to_owned(), json!(baseline));
        }
        Account::Rest { .. } | Account::NoShares { .. } => {}
    }
    if let Some(open) = map.account.open(map.value) {
        record.insert("residual".to_owned(), json!(open));
    }
    record
}

/// A map's account as a line of the answer, without its end.
pub(super) fn line(map: &Map) -> String {
    match &map.account {
        Account::Ledger(ledger) => format!(
            "logit {:+.4} = pixels {:+.4} + biases {:+.4} + stabilisers {:+.1e} (open: {:+.0e})",
            ledger.start,
            ledger.input,
            ledger.bias,
            ledger.epsilon,
            ledger.residual()
        ),
        Account::Baseline { baseline, pixels } => {
            let (moved, open) = (map.value - baseline, map.value - baseline - pixels);
            let much = if open.abs() > TOO_MUCH * moved.abs() {
                ", too much: take more --ig-steps"
            } else {
                ""
            };
            format!(
                "logit {:+.4} = at the baseline {baseline:+.4} + pixels {pixels:+.4} (open: {open:+.0e}{much})",
                map.value
            )
        }
        Account::Rest { pixels, rest } => {
            format!("logit {:+.4}, pixels {pixels:+.4}, the rest in {rest}", map.value)
        }
        Account::NoShares { .. } => format!("logit {:+.4}, of which the values are no shares", map.value),
    }
}
