//! A study file as typed, and the recipes of its variants.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use pleura_run::{Error as RunError, Recipe, recipe::line_at};
use pleura_train::Error;
use serde::Deserialize;
use toml::{Table, Value};

use super::{
    Folds, LeaveOutChoice, Study, Variant,
    settings::{merge, names, resolve, stage_name, stage_of},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StudyFile {
    name: Option<String>,
    recipe: Option<RecipeSource>,
    /// Settings of every variant.
    #[serde(default)]
    set: Table,
    seeds: Vec<u64>,
    folds: Option<FoldsAsTyped>,
    leave_out: Option<LeaveOutAsTyped>,
    validation: Option<f64>,
    #[serde(default)]
    once: Vec<String>,
    #[serde(default = "first_epochs")]
    epochs: Vec<usize>,
    #[serde(default)]
    test_epochs: bool,
    baseline: Option<String>,
    primary: Option<String>,
    #[serde(rename = "variant", default)]
    variants: Vec<VariantFile>,
}

/// The paper's question is about the first epochs.
fn first_epochs() -> Vec<usize> {
    vec![1, 2, 3, 5]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VariantFile {
    name: String,
    /// Replaces the study's recipe.
    recipe: Option<RecipeSource>,
    /// The recipe's stages that this variant trains. Default: all.
    stages: Option<Vec<String>>,
    /// Settings that replace the recipe's.
    #[serde(default)]
    set: Table,
    /// Settings to remove, such as `stage.target.patience`.
    #[serde(default)]
    unset: Vec<String>,
}

/// A recipe: a file, or a table.
#[derive(Clone, Deserialize)]
#[serde(
    untagged,
    expecting = "expected the name of a recipe file, or a recipe as a table"
)]
enum RecipeSource {
    File(PathBuf),
    Table(Table),
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected a number of folds, or true for those of the manifest"
)]
enum FoldsAsTyped {
    Count(usize),
    Wanted(bool),
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected an attribute such as \"source\", or { by = \"source\", values = [\"A\", \"B\"] }"
)]
enum LeaveOutAsTyped {
    Each(String),
    Some { by: String, values: Vec<String> },
}

/// Possible metrics of the verdicts. Higher is better for each.
pub(super) const PRIMARY: [&str; 5] = [
    "accuracy",
    "macro AUC",
    "macro F1",
    "balanced accuracy",
    "macro sensitivity",
];

pub(super) fn read(path: &Path) -> Result<Study, Error> {
    let text = std::fs::read_to_string(path).map_err(pleura_run::Error::file(path, "read"))?;
    let typed: StudyFile = toml::from_str(&text).map_err(|error| RunError::Recipe {
        path: path.to_owned(),
        line: error.span().map(|span| line_at(&text, span.start)),
        key: String::new(),
        problem: error.message().replace('\n', " "),
    })?;
    StudyReader {
        path,
        folder: path.parent().unwrap_or(Path::new("")),
    }
    .study(typed)
}

struct StudyReader<'a> {
    path: &'a Path,
    folder: &'a Path,
}

impl StudyReader<'_> {
    fn problem(&self, key: &str, problem: impl Into<String>) -> Error {
        Error::Run(RunError::Recipe {
            path: self.path.to_owned(),
            line: None,
            key: key.to_owned(),
            problem: problem.into(),
        })
    }

    fn study(&self, typed: StudyFile) -> Result<Study, Error> {
        self.check(&typed)?;
        let leave_out = self.leave_out(&typed)?;
        let folds = self.folds(&typed)?;
        let mut common = typed.set.clone();
        self.resolve_settings(&mut common, "set")?;
        let mut used = BTreeSet::new();
        let variants = typed
            .variants
            .iter()
            .map(|variant| self.variant(variant, &typed, &common, &mut used))
            .collect::<Result<Vec<_>, _>>()?;
        let of_stages = common.get("stage").and_then(Value::as_table);
        if let Some((name, _)) =
            of_stages.and_then(|stages| stages.iter().find(|(name, _)| !used.contains(*name)))
        {
            return Err(self.problem(
                &format!("set.stage.{name}"),
                "no variant has a stage of this name",
            ));
        }
        let baseline = match &typed.baseline {
            None => 0,
            Some(wanted) => self.place(&typed, wanted)?,
        };
        Ok(Study {
            name: typed.name.unwrap_or_else(|| {
                let stem = self.path.file_stem().unwrap_or_default();
                stem.to_string_lossy().into_owned()
            }),
            seeds: typed.seeds,
            folds,
            leave_out,
            variants,
            baseline,
            epochs: typed.epochs,
            test_epochs: typed.test_epochs,
            primary: typed.primary,
            path: self.path.to_owned(),
        })
    }

    fn check(&self, typed: &StudyFile) -> Result<(), Error> {
        let different: BTreeSet<&u64> = typed.seeds.iter().collect();
        if typed.seeds.is_empty() || different.len() < typed.seeds.len() {
            let problem = format!(
                "found {:?}, expected at least one seed, and different ones",
                typed.seeds
            );
            return Err(self.problem("seeds", problem));
        }
        let mut epochs = typed.epochs.clone();
        epochs.sort_unstable();
        epochs.dedup();
        if epochs != typed.epochs {
            let problem = format!(
                "found {:?}, expected increasing numbers of epochs, such as [1, 2, 3, 5]",
                typed.epochs
            );
            return Err(self.problem("epochs", problem));
        }
        if let Some(primary) = &typed.primary
            && !PRIMARY.contains(&primary.as_str())
        {
            return Err(self.problem(
                "primary",
                format!("found {primary:?}, expected one of {PRIMARY:?}"),
            ));
        }
        if typed.variants.len() < 2 {
            let problem = format!("found {} [[variant]], expected two or more", typed.variants.len());
            return Err(self.problem("variant", problem));
        }
        let mut names = BTreeSet::new();
        for variant in &typed.variants {
            let name = &variant.name;
            let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if name.is_empty() || name.len() > 48 || !name.chars().all(allowed) {
                let problem =
                    format!("found {name:?}, expected 1 to 48 letters, digits, - and _ (it names folders)");
                return Err(self.problem("variant.name", problem));
            }
            // File systems may ignore the case of folder names.
            if !names.insert(name.to_ascii_lowercase()) {
                return Err(self.problem("variant.name", format!("two variants have the name {name:?}")));
            }
        }
        Ok(())
    }

    fn place(&self, typed: &StudyFile, wanted: &str) -> Result<usize, Error> {
        let found = typed.variants.iter().position(|variant| variant.name == wanted);
        found.ok_or_else(|| {
            let names: Vec<&String> = typed.variants.iter().map(|variant| &variant.name).collect();
            self.problem(
                "baseline",
                format!("found {wanted:?}, expected one of the variants {names:?}"),
            )
        })
    }

    fn leave_out(&self, typed: &StudyFile) -> Result<Option<LeaveOutChoice>, Error> {
        let (attribute, values) = match &typed.leave_out {
            None => return Ok(None),
            Some(LeaveOutAsTyped::Each(attribute)) => (attribute, Vec::new()),
            Some(LeaveOutAsTyped::Some { by, values }) => {
                let different: BTreeSet<&String> = values.iter().collect();
                if values.is_empty() || different.len() < values.len() {
                    let problem = format!("found {values:?}, expected different values of {by}");
                    return Err(self.problem("leave_out.values", problem));
                }
                (by, values.clone())
            }
        };
        if !matches!(typed.folds, None | Some(FoldsAsTyped::Wanted(false))) {
            return Err(self.problem("leave_out", "excludes `folds`; remove one of them"));
        }
        Ok(Some(LeaveOutChoice {
            attribute: attribute.clone(),
            values,
            validation: typed.validation.unwrap_or(pleura_manifest::folds::VALIDATION),
        }))
    }

    fn folds(&self, typed: &StudyFile) -> Result<Option<Folds>, Error> {
        let count = match typed.folds {
            None | Some(FoldsAsTyped::Wanted(false)) => {
                let key = if typed.validation.is_some() && typed.leave_out.is_none() {
                    "validation"
                } else if typed.once.is_empty() {
                    return Ok(None);
                } else {
                    "once"
                };
                return Err(self.problem(key, "applies to folds, and the study has no `folds`"));
            }
            Some(FoldsAsTyped::Count(count)) if count < 2 => {
                return Err(self.problem(
                    "folds",
                    format!("found {count}, expected 2 or more, or true for those of the manifest"),
                ));
            }
            Some(FoldsAsTyped::Count(count)) => Some(count),
            Some(FoldsAsTyped::Wanted(true)) => None,
        };
        Ok(Some(Folds {
            count,
            validation: typed.validation.unwrap_or(pleura_manifest::folds::VALIDATION),
            once: typed.once.clone(),
        }))
    }

    /// A variant's recipe: the base, then the study's settings, then its own. `used` collects the stages
    /// that the study's settings apply to.
    fn variant(
        &self,
        typed: &VariantFile,
        study: &StudyFile,
        common: &Table,
        used: &mut BTreeSet<String>,
    ) -> Result<Variant, Error> {
        let key = format!("variant {}", typed.name);
        let Some(base) = typed.recipe.as_ref().or(study.recipe.as_ref()) else {
            return Err(self.problem(
                &key,
                "has no recipe, and neither has the study; expected `recipe = \"FILE.toml\"`",
            ));
        };
        let mut table = self.base(base, &key)?;
        if let Some(wanted) = &typed.stages {
            self.retain(&mut table, wanted, &key)?;
        }
        let mut of_all = common.clone();
        if let Some(Value::Table(stages)) = of_all.get_mut("stage") {
            let own = names(&table);
            stages.retain(|name, _| own.iter().any(|own| own == name));
            used.extend(stages.keys().cloned());
        }
        let mut own = typed.set.clone();
        self.resolve_settings(&mut own, &key)?;
        self.apply(&mut table, of_all, "set")?;
        self.apply(&mut table, own, &key)?;
        for path in &typed.unset {
            self.unset(&mut table, path, &key)?;
        }
        self.compared(&mut table, study, &key)?;
        let recipe = Recipe::from_table(table, self.path).map_err(|error| match error {
            RunError::Recipe {
                path,
                line,
                key: at,
                problem,
            } => RunError::Recipe {
                path,
                line,
                key: if at.is_empty() {
                    key.clone()
                } else {
                    format!("{key}: {at}")
                },
                problem,
            },
            other => other,
        })?;
        Ok(Variant {
            name: typed.name.clone(),
            recipe,
        })
    }

    /// A recipe as a table with absolute paths.
    fn base(&self, base: &RecipeSource, key: &str) -> Result<Table, Error> {
        let (mut table, folder) = match base {
            RecipeSource::Table(table) => (table.clone(), self.folder.to_owned()),
            RecipeSource::File(name) => {
                let path = self.folder.join(name);
                // First read as a recipe, so that errors have its lines.
                Recipe::read(&path)?;
                let text = std::fs::read_to_string(&path).map_err(pleura_run::Error::file(&path, "read"))?;
                let table = text
                    .parse::<Table>()
                    .map_err(|error| self.problem(key, error.message()))?;
                (table, path.parent().unwrap_or(Path::new("")).to_owned())
            }
        };
        if let Some(Value::Array(stages)) = table.get_mut("stage") {
            for stage in stages.iter_mut().filter_map(Value::as_table_mut) {
                resolve(stage, &folder)?;
            }
        }
        Ok(table)
    }

    /// Makes the paths of settings absolute, and refuses settings that are not tables by stage.
    fn resolve_settings(&self, settings: &mut Table, key: &str) -> Result<(), Error> {
        match settings.get_mut("stage") {
            None => Ok(()),
            Some(Value::Table(stages)) => {
                for (name, stage) in stages.iter_mut() {
                    let Value::Table(stage) = stage else {
                        let problem = format!(
                            "stage.{name} is not a table; expected settings, such as stage.{name}.epochs = 3"
                        );
                        return Err(self.problem(key, problem));
                    };
                    resolve(stage, self.folder)?;
                }
                Ok(())
            }
            Some(_) => Err(self.problem(key, "expected stages by name, such as stage.target.epochs = 3")),
        }
    }

    fn retain(&self, table: &mut Table, wanted: &[String], key: &str) -> Result<(), Error> {
        let own = names(table);
        if let Some(missing) = wanted.iter().find(|name| !own.contains(name)) {
            return Err(self.no_stage(key, missing, &own));
        }
        if let Some(Value::Array(stages)) = table.get_mut("stage") {
            stages.retain(|stage| {
                stage_name(stage).is_some_and(|name| wanted.iter().any(|wanted| wanted == name))
            });
        }
        Ok(())
    }

    fn no_stage(&self, key: &str, name: &str, own: &[String]) -> Error {
        self.problem(key, format!("the recipe has no stage {name:?}; it has {own:?}"))
    }

    /// Applies settings to a recipe.
    fn apply(&self, table: &mut Table, mut settings: Table, key: &str) -> Result<(), Error> {
        let own = names(table);
        if let Some(Value::Table(stages)) = settings.remove("stage") {
            for (name, value) in stages {
                let Some(stage) = stage_of(table, &name) else {
                    return Err(self.no_stage(key, &name, &own));
                };
                if let Value::Table(value) = value {
                    merge(stage, value);
                }
            }
        }
        merge(table, settings);
        Ok(())
    }

    fn unset(&self, table: &mut Table, path: &str, key: &str) -> Result<(), Error> {
        let mut steps: Vec<&str> = path.split('.').collect();
        let last = steps.pop().unwrap_or_default();
        let mut at = Some(&mut *table);
        let mut steps = steps.into_iter();
        while let Some(step) = steps.next() {
            at = match at {
                Some(table) if step == "stage" && table.get("stage").is_some_and(Value::is_array) => {
                    steps.next().and_then(|name| stage_of(table, name))
                }
                Some(table) => table.get_mut(step).and_then(Value::as_table_mut),
                None => None,
            };
        }
        if at.and_then(|table| table.remove(last)).is_none() {
            return Err(self.problem(
                key,
                format!("`unset` contains {path:?}, which the recipe does not set"),
            ));
        }
        Ok(())
    }

    /// Adds the predictions that the comparison needs to the last stage, and refuses settings that prevent
    /// it.
    fn compared(&self, table: &mut Table, study: &StudyFile, key: &str) -> Result<(), Error> {
        let last = table
            .get_mut("stage")
            .and_then(Value::as_array_mut)
            .and_then(|stages| stages.last_mut())
            .and_then(Value::as_table_mut);
        let Some(stage) = last else {
            return Err(self.problem(key, "the recipe has no [[stage]]"));
        };
        let name = stage
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let refuse = |problem: String| Err(self.problem(&format!("{key}: stage.{name}"), problem));
        if stage.contains_key("seed") {
            return refuse(
                "has its own seed, so the study's seeds would have no effect; remove it (`unset`)".to_owned(),
            );
        }
        if stage.contains_key("answers") {
            return refuse("has `answers`, which the study sets from its `epochs`; remove it".to_owned());
        }
        let epochs = stage.get("epochs").and_then(Value::as_integer).unwrap_or(0);
        if let Some(late) = study.epochs.iter().find(|&&epoch| epoch as i64 > epochs) {
            return refuse(format!(
                "trains {epochs} epochs, and `epochs` has a comparison after {late}"
            ));
        }
        if !study.epochs.is_empty() {
            let after = study
                .epochs
                .iter()
                .map(|&epoch| Value::Integer(epoch as i64))
                .collect();
            let mut answers = Table::new();
            answers.insert("after".to_owned(), Value::Array(after));
            answers.insert("test".to_owned(), Value::Boolean(study.test_epochs));
            stage.insert("answers".to_owned(), Value::Table(answers));
        }
        Ok(())
    }
}
