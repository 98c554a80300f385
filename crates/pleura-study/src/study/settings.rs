//! Recipes as tables: applies settings, finds stages by name, makes paths absolute.

use std::path::Path;

use pleura_run::recipe::Start;
use pleura_train::Error;
use toml::{Table, Value};

/// Merges `over` into a table, so that `keep.rule` can be set alone. A table with a `kind` replaces the old
/// one, because the settings of another kind would not fit.
pub(super) fn merge(table: &mut Table, over: Table) {
    for (key, value) in over {
        match (table.get_mut(&key), value) {
            (Some(Value::Table(there)), Value::Table(over)) if !over.contains_key("kind") => {
                merge(there, over);
            }
            (_, value) => {
                table.insert(key, value);
            }
        }
    }
}

/// Makes the paths of a stage absolute.
pub(super) fn resolve(stage: &mut Table, folder: &Path) -> Result<(), Error> {
    let absolute = |value: &mut Value| -> Result<(), Error> {
        if let Value::String(text) = value {
            let path = folder.join(&*text);
            let path = std::path::absolute(&path).map_err(pleura_run::Error::file(&path, "find"))?;
            *text = path.to_string_lossy().into_owned();
        }
        Ok(())
    };
    if let Some(manifest) = stage.get_mut("manifest") {
        absolute(manifest)?;
    }
    let is_file = |value: &Value| {
        let start = value.as_str().map(|text| Start::try_from(text.to_owned()));
        matches!(start, Some(Ok(Start::File(_))))
    };
    if let Some(start) = stage.get_mut("start").filter(|start| is_file(start)) {
        absolute(start)?;
    }
    let plain = stage
        .get_mut("isnet")
        .and_then(|isnet| isnet.get_mut("plain"))
        .filter(|plain| is_file(plain));
    plain.map_or(Ok(()), absolute)
}

pub(super) fn stage_name(stage: &Value) -> Option<&str> {
    stage.get("name").and_then(Value::as_str)
}

/// The names of a recipe's stages.
pub(super) fn names(table: &Table) -> Vec<String> {
    let stages = table.get("stage").and_then(Value::as_array);
    let names = stages.into_iter().flatten().filter_map(stage_name);
    names.map(str::to_owned).collect()
}

/// A stage of a recipe by its name.
pub(super) fn stage_of<'a>(table: &'a mut Table, name: &str) -> Option<&'a mut Table> {
    let stages = table.get_mut("stage").and_then(Value::as_array_mut)?;
    let stage = stages.iter_mut().find(|stage| stage_name(stage) == Some(name))?;
    stage.as_table_mut()
}
