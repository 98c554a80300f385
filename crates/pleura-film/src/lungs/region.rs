//! The part of a film that a preparation keeps.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::ModelId;

/// The part of the film around the lungs that a network sees.
///
/// In recipes `lungs = "crop"` is short for `{ region = "crop" }` with the defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Written")]
#[schemars(!try_from)]
pub struct LungRegion {
    /// The part that is kept.
    pub region: Region,
    /// The margin on each side of the lungs' bounding box, in percent of its width and height. Default 6.
    pub margin_percent: u32,
    /// The segmentation model.
    pub model: ModelId,
}

/// The part of a film that a preparation keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Region {
    /// The bounding box of the lungs with a margin.
    Crop,
    /// The same box; everything outside the lungs is black.
    Mask,
}

impl LungRegion {
    /// A region with the default margin and the built-in model.
    pub fn new(region: Region) -> Self {
        Self {
            region,
            margin_percent: DEFAULT_MARGIN,
            model: ModelId::built_in(),
        }
    }
}

const DEFAULT_MARGIN: u32 = 6;

/// A margin of the box's own size triples it.
const LARGEST_MARGIN: u32 = 100;

/// A region as written in a recipe: a word, or a table.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected \"crop\", \"mask\", or a table with region, margin_percent and model"
)]
enum Written {
    Word(Region),
    Table(Table),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    region: Region,
    margin_percent: Option<u32>,
    model: Option<ModelId>,
}

impl TryFrom<Written> for LungRegion {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let table = match written {
            Written::Word(region) => return Ok(Self::new(region)),
            Written::Table(table) => table,
        };
        let plain = Self::new(table.region);
        let margin_percent = table.margin_percent.unwrap_or(plain.margin_percent);
        if margin_percent > LARGEST_MARGIN {
            return Err(format!(
                "margin_percent is {margin_percent}, expected 0 to {LARGEST_MARGIN}"
            ));
        }
        let model = table.model.unwrap_or(plain.model);
        if model != plain.model {
            return Err(format!(
                "lung model {model}: this program has {}. Use the version of pleura that made the file",
                plain.model
            ));
        }
        Ok(Self {
            region: table.region,
            margin_percent,
            model,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Preparation;

    #[test]
    fn a_word_and_its_table_are_one() {
        let read = |text: &str| serde_json::from_str::<LungRegion>(text);
        let word = read("\"mask\"").unwrap();
        assert_eq!(word, LungRegion::new(Region::Mask));
        assert_eq!(read(&serde_json::to_string(&word).unwrap()).unwrap(), word);
        assert_eq!(read(r#"{"region":"mask"}"#).unwrap(), word);
        let wide = read(r#"{"region":"crop","margin_percent":20}"#).unwrap();
        assert_eq!((wide.region, wide.margin_percent), (Region::Crop, 20));
    }

    #[test]
    fn other_words_margins_and_models_are_refused() {
        let error = |text: &str| serde_json::from_str::<LungRegion>(text).unwrap_err().to_string();
        assert!(error("\"cut\"").contains("\"crop\", \"mask\""));
        assert!(error(r#"{"region":"crop","margin_percent":500}"#).contains("0 to 100"));
        let other = error(r#"{"region":"crop","model":"0123456789abcdef"}"#);
        assert!(
            other.contains("lung model 0123456789abcdef: this program has"),
            "{other}"
        );
    }

    #[test]
    fn a_preparation_without_lungs_is_written_as_before() {
        let written = serde_json::to_string(&Preparation::default()).unwrap();
        assert_eq!(written, r#"{"size":224,"fit":"stretch"}"#);
    }
}
