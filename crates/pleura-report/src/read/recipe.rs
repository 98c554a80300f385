//! As much of a recipe as a report needs. The whole of it is shown as text, so unknown keys are no error here.

use std::path::{Path, PathBuf};

use pleura_eval::Kind;
use serde::Deserialize;

use crate::error::Error;

#[derive(Debug, Deserialize)]
pub(super) struct RecipeFile {
    pub(super) seed: Option<u64>,
    architecture: toml::Value,
    #[serde(rename = "stage", default)]
    pub(super) stages: Vec<StageEntry>,
}

#[derive(Debug, Deserialize)]
pub(super) struct StageEntry {
    pub(super) name: String,
    kind: Option<String>,
    /// Empty where the stage draws fractals.
    #[serde(default)]
    pub(super) manifest: PathBuf,
    pub(super) fractals: Option<Fractals>,
    pub(super) findings: Option<Vec<String>>,
    start: Option<String>,
    keep: Option<toml::Value>,
}

/// Pictures drawn by formula in place of films.
#[derive(Debug, Deserialize)]
pub(super) struct Fractals {
    pub(super) classes: usize,
}

impl RecipeFile {
    pub(super) fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        toml::from_str(text).map_err(|error| Error::Recipe {
            path: path.to_owned(),
            problem: error.to_string(),
        })
    }

    /// The network's name, of a published architecture or of one that the recipe describes.
    pub(super) fn network(&self) -> String {
        let name = self.architecture.get("name").unwrap_or(&self.architecture);
        name.as_str().unwrap_or_default().to_owned()
    }

    /// The stage whose result is the run's: of those that no other starts from, the first that keeps output neurons, or else
    /// the last. (A recipe that trains with and without keeping to compare them has many such stages.)
    pub(super) fn lead(&self) -> Option<String> {
        let ends = || {
            self.stages.iter().filter(|stage| {
                !self
                    .stages
                    .iter()
                    .any(|other| other.from(self) == Some(&stage.name))
            })
        };
        ends()
            .find(|stage| stage.keeps())
            .or_else(|| ends().next_back())
            .map(|stage| stage.name.clone())
    }
}

impl StageEntry {
    pub(super) fn kind(&self) -> Option<Kind> {
        match self.kind.as_deref()? {
            "exclusive" => Some(Kind::Exclusive),
            "independent" => Some(Kind::Independent),
            _ => None,
        }
    }

    /// The stage that this one starts from, by the recipe's own defaults: the stage before.
    pub(super) fn from<'a>(&'a self, recipe: &'a RecipeFile) -> Option<&'a str> {
        if let Some(start) = self.start.as_deref() {
            return start.strip_prefix("stage:");
        }
        let before = recipe
            .stages
            .iter()
            .take_while(|stage| stage.name != self.name)
            .last();
        before.map(|stage| stage.name.as_str())
    }

    /// Where the stage's weights come from.
    pub(super) fn start_in_words(&self, recipe: &RecipeFile) -> String {
        match (self.from(recipe), self.start.as_deref()) {
            (Some(stage), _) => format!("the best of stage {stage}"),
            (None, None | Some("random")) => "random".to_owned(),
            (None, Some(file)) => {
                let name = Path::new(file).file_name().unwrap_or_default();
                format!("the file {}", name.to_string_lossy())
            }
        }
    }

    /// Whether it takes output neurons over.
    fn keeps(&self) -> bool {
        self.keep
            .as_ref()
            .and_then(|keep| keep.get("rule"))
            .and_then(toml::Value::as_str)
            .is_some_and(|rule| rule != "none")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_follow_the_recipes_defaults() {
        let text = "seed = 7\n[architecture]\nname = \"tiny\"\n\
                    [[stage]]\nname = \"a\"\nmanifest = \"a.csv\"\nkind = \"independent\"\n\
                    [[stage]]\nname = \"b\"\nmanifest = \"b.csv\"\n\
                    [[stage]]\nname = \"c\"\nmanifest = \"b.csv\"\nstart = \"stage:a\"\n";
        let recipe = RecipeFile::parse(text, Path::new("recipe.toml")).unwrap();
        let starts: Vec<String> = recipe.stages.iter().map(|s| s.start_in_words(&recipe)).collect();
        assert_eq!(starts, ["random", "the best of stage a", "the best of stage a"]);
        assert_eq!(
            (recipe.network().as_str(), recipe.stages[0].kind()),
            ("tiny", Some(Kind::Independent))
        );
    }

    #[test]
    fn the_lead_is_the_first_end_that_keeps() {
        let stage =
            |name: &str, rest: &str| format!("[[stage]]\nname = \"{name}\"\nmanifest = \"m.csv\"\n{rest}\n");
        let text = [
            "architecture = \"small\"\n".to_owned(),
            stage("source", "keep = { rule = \"weight+bias\" }"),
            stage("fresh-1", "start = \"stage:source\"\nkeep = { rule = \"none\" }"),
            stage(
                "kept-1",
                "start = \"stage:source\"\nkeep = { rule = \"weight+bias\" }",
            ),
            stage(
                "kept-2",
                "start = \"stage:source\"\nkeep = { rule = \"weight+bias\" }",
            ),
            stage("fresh-2", "start = \"stage:source\""),
        ];
        let recipe = RecipeFile::parse(&text.concat(), Path::new("recipe.toml")).unwrap();
        assert_eq!(recipe.lead().as_deref(), Some("kept-1"));
        assert_eq!(recipe.stages[0].from(&recipe), None);
    }

    #[test]
    fn errors_name_file_and_line() {
        let error = RecipeFile::parse("seed = \"x\"\n", Path::new("run/recipe.toml"))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("run/recipe.toml") && error.contains("line 1"),
            "{error}"
        );
    }
}
