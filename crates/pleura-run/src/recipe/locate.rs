//! The place of an entry in a recipe's text, so that messages can name its line.

use toml::de::{DeTable, DeValue};

/// One step of the path to an entry: a key, or an index into an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// Key of a table.
    Key(&'a str),
    /// Index into an array, from 0.
    Index(usize),
}

impl<'a> From<&'a str> for Step<'a> {
    fn from(key: &'a str) -> Self {
        Self::Key(key)
    }
}

impl From<usize> for Step<'_> {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// Line (from 1) of the entry at `at`, or of the nearest enclosing entry; `None` for a recipe without text.
pub(super) fn line_of(text: &str, at: &[Step<'_>]) -> Option<usize> {
    if text.is_empty() {
        return None;
    }
    let root = DeTable::parse(text).ok()?;
    let (&first, rest) = at.split_first()?;
    let Step::Key(key) = first else { return None };
    let (name, mut value) = root.get_ref().get_key_value(key)?;
    let mut offset = name.span().start;
    for step in rest {
        let found = match (step, value.get_ref()) {
            (Step::Key(key), DeValue::Table(table)) => table
                .get_key_value(*key)
                .map(|(name, value)| (name.span().start, value)),
            (Step::Index(index), DeValue::Array(array)) => {
                array.get(*index).map(|value| (value.span().start, value))
            }
            _ => None,
        };
        let Some((start, inner)) = found else { break };
        (offset, value) = (start, inner);
    }
    Some(line_at(text, offset))
}

/// Line (from 1) of a byte offset.
pub fn line_at(text: &str, offset: usize) -> usize {
    text.as_bytes()
        .iter()
        .take(offset)
        .filter(|&&byte| byte == b'\n')
        .count()
        + 1
}

/// The path of an entry as messages show it: `stage.target.freeze`, stages by name.
pub(super) fn key(text: &str, at: &[Step<'_>]) -> String {
    let mut parts: Vec<String> = Vec::new();
    for (position, step) in at.iter().enumerate() {
        match step {
            Step::Key(key) => parts.push((*key).to_owned()),
            Step::Index(index) if position == 1 => {
                parts.push(stage_name(text, *index).unwrap_or_else(|| (index + 1).to_string()));
            }
            Step::Index(index) => parts.push((index + 1).to_string()),
        }
    }
    parts.join(".")
}

fn stage_name(text: &str, index: usize) -> Option<String> {
    let root = DeTable::parse(text).ok()?;
    let stages = root.get_ref().get("stage")?.get_ref().as_array()?;
    let stage = stages.get(index)?.get_ref().as_table()?;
    Some(stage.get("name")?.get_ref().as_str()?.to_owned())
}
