//! The differences between two recipes, key by key.

use std::collections::BTreeMap;

use toml::{Table, Value};

/// The most differences that a message lists.
const MOST: usize = 6;

/// The keys whose values differ, as `stage.target.epochs was 3, now 4`. `None` if none differs, or a text is
/// not TOML.
///
/// Manifests and weights are left out: they may have moved, and are compared by their contents elsewhere.
pub fn difference(then: &str, now: &str) -> Option<String> {
    let (then, now) = (then.parse().ok()?, now.parse().ok()?);
    let mut changes = between(&then, &now);
    for Change { key, was, is } in &mut changes {
        let no_file = |value: &Value| !is_file(key, value);
        (*was, *is) = (was.take().filter(no_file), is.take().filter(no_file));
    }
    changes.retain(|change| change.was.is_some() || change.is.is_some());
    // The seed of every stage follows from the recipe's.
    if changes.iter().any(|change| change.key == "seed") {
        changes.retain(|change| !is_seed_of_a_stage(&change.key));
    }
    let word = |value: Option<Value>| value.map_or_else(|| "left out".to_owned(), |value| value.to_string());
    let mut differences: Vec<String> = changes
        .into_iter()
        .map(|Change { key, was, is }| format!("{key} was {}, now {}", word(was), word(is)))
        .collect();
    let more = differences.len().saturating_sub(MOST);
    differences.truncate(MOST);
    if more > 0 {
        differences.push(format!("{more} more"));
    }
    (!differences.is_empty()).then(|| differences.join(", "))
}

/// A key whose values differ; a missing key has no value.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Path of the key, such as `stage.target.epochs`.
    pub key: String,
    /// The value in the first table.
    pub was: Option<Value>,
    /// The value in the second table.
    pub is: Option<Value>,
}

/// The differences between two tables: first the keys of `then`, then those that only `now` has. Stages are
/// compared by name; other lists are values.
pub fn between(then: &Table, now: &Table) -> Vec<Change> {
    let (then, mut now) = (keys(then), keys(now));
    let mut changes = Vec::new();
    for (key, was) in then {
        let is = now.remove(&key);
        if is.as_ref() != Some(&was) {
            let was = Some(was);
            changes.push(Change { key, was, is });
        }
    }
    let added = now.into_iter().map(|(key, is)| Change {
        key,
        was: None,
        is: Some(is),
    });
    changes.extend(added);
    changes
}

fn is_seed_of_a_stage(key: &str) -> bool {
    key.starts_with("stage.") && key.rsplit('.').next() == Some("seed")
}

/// All values, by the path of their keys.
fn keys(table: &Table) -> BTreeMap<String, Value> {
    let mut keys = BTreeMap::new();
    for (key, value) in table {
        flatten(key.clone(), value, &mut keys);
    }
    keys
}

fn flatten(path: String, value: &Value, keys: &mut BTreeMap<String, Value>) {
    match value {
        Value::Table(table) => {
            for (key, value) in table {
                flatten(format!("{path}.{key}"), value, keys);
            }
        }
        Value::Array(stages) if path.rsplit('.').next() == Some("stage") => {
            for (number, stage) in stages.iter().enumerate() {
                let name = stage
                    .get("name")
                    .and_then(Value::as_str)
                    .map_or_else(|| (number + 1).to_string(), str::to_owned);
                flatten(format!("{path}.{name}"), stage, keys);
            }
        }
        value => {
            keys.insert(path, value.clone());
        }
    }
}

/// True if an entry names a file of a stage.
pub fn is_file(path: &str, value: &Value) -> bool {
    if !path.split('.').any(|part| part == "stage") {
        return false;
    }
    match path.rsplit('.').next() {
        Some("manifest") => true,
        Some("start" | "plain") => value
            .as_str()
            .is_some_and(|start| start != "random" && !start.starts_with("stage:")),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THEN: &str = r#"
        seed = 1
        [[stage]]
        name = "a"
        manifest = "/one/m.csv"
        start = "/one/w.safetensors"
        seed = 7
        epochs = 3
        optimiser = { kind = "sgd", momentum = 0.9 }
        [[stage]]
        name = "b"
        patience = 2
    "#;

    fn with(from: &str, to: &str) -> Option<String> {
        assert!(THEN.contains(from));
        difference(THEN, &THEN.replace(from, to))
    }

    #[test]
    fn differences_go_by_their_keys() {
        assert_eq!(
            with("epochs = 3", "epochs = 4").unwrap(),
            "stage.a.epochs was 3, now 4"
        );
        assert_eq!(
            with("momentum = 0.9", "nesterov = true").unwrap(),
            "stage.a.optimiser.momentum was 0.9, now left out, stage.a.optimiser.nesterov was left out, now true"
        );
        assert_eq!(with("\"b\"", "\"c\"").unwrap().matches(" was ").count(), 4);
    }

    #[test]
    fn what_follows_from_another_difference_or_only_moved_is_none() {
        let reseeded = THEN
            .replace("seed = 1\n", "seed = 2\n")
            .replace("seed = 7", "seed = 8");
        assert_eq!(difference(THEN, &reseeded).unwrap(), "seed was 1, now 2");
        assert_eq!(with("seed = 7", "seed = 8").unwrap(), "stage.a.seed was 7, now 8");
        assert_eq!(difference(THEN, &THEN.replace("/one/", "/two/")), None);
        assert_eq!(
            with("\"/one/w.safetensors\"", "\"random\"").unwrap(),
            "stage.a.start was left out, now \"random\""
        );
    }

    #[test]
    fn a_long_list_is_cut_and_nonsense_is_not_compared() {
        let all: String = (0..9).map(|key| format!("k{key} = 1\n")).collect();
        let text = difference("", &all).unwrap();
        assert!(text.ends_with("k5 was left out, now 1, 3 more"), "{text}");
        assert_eq!(difference("seed = 1", "seed ="), None);
    }
}
