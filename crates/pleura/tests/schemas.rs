//! The committed schemas are those of the types. `UPDATE_SCHEMAS=1 cargo test -p pleura --test schemas`
//! writes them.

use std::fs;
use std::path::Path;

use serde_json::Value;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/schemas");

#[test]
fn schemas_are_committed_as_they_are() {
    let update = std::env::var_os("UPDATE_SCHEMAS").is_some();
    let mut names = Vec::new();
    for (name, schema) in pleura::output::schemas() {
        let path = Path::new(FOLDER).join(format!("{name}.json"));
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if update {
            fs::create_dir_all(FOLDER).unwrap();
            fs::write(&path, &text).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        let advice =
            "run `UPDATE_SCHEMAS=1 cargo test -p pleura --test schemas`, and name the change in CHANGELOG.md";
        assert!(
            committed == text,
            "{}: is not the schema of the type; {advice}",
            path.display()
        );
        names.push(format!("{name}.json"));
    }
    for entry in fs::read_dir(FOLDER).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        assert!(
            names.contains(&name),
            "docs/schemas/{name}: no document has this schema"
        );
    }
}

/// Calls `visit` with each object of named properties.
fn properties(schema: &Value, place: &str, visit: &mut dyn FnMut(&str, &Value)) {
    match schema {
        Value::Object(object) => {
            if let Some(Value::Object(fields)) = object.get("properties") {
                for (name, field) in fields {
                    visit(&format!("{place}.{name}"), field);
                }
            }
            for (key, value) in object {
                properties(value, &format!("{place}/{key}"), visit);
            }
        }
        Value::Array(values) => {
            for value in values {
                properties(value, place, visit);
            }
        }
        _ => {}
    }
}

#[test]
fn every_field_is_documented() {
    let mut bare = Vec::new();
    for (name, schema) in pleura::output::schemas() {
        let schema = serde_json::to_value(schema).unwrap();
        properties(&schema, name, &mut |place, field| {
            // The tag of an enumeration is described by its variant.
            if field.get("description").is_none() && field.get("const").is_none() {
                bare.push(place.to_owned());
            }
        });
    }
    assert!(bare.is_empty(), "without description: {bare:#?}");
}
