//! One value for each finding.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::ser::{Serialize, SerializeMap as _, Serializer};

/// Values by the name of their finding, in the order of the model's outputs. In JSON it is an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ByFinding<T>(pub Vec<(String, T)>);

impl<T> ByFinding<T> {
    /// Pairs names with values.
    pub fn new(
        names: impl IntoIterator<Item = impl Into<String>>,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        Self(names.into_iter().map(Into::into).zip(values).collect())
    }
}

impl<N: Into<String>, T> FromIterator<(N, T)> for ByFinding<T> {
    fn from_iter<I: IntoIterator<Item = (N, T)>>(pairs: I) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value))
                .collect(),
        )
    }
}

impl<T: Serialize> Serialize for ByFinding<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<T: JsonSchema> JsonSchema for ByFinding<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("ByFinding_of_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        BTreeMap::<String, T>::json_schema(generator)
    }
}
