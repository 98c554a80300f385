//! The runs of a study.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use pleura_core::Task;
use pleura_core::fs::write_atomic;
use pleura_manifest::{Manifest, Split};
use pleura_run::{
    Recipe, RunLock, SeriesFolder,
    recipe::{Change, between, difference, is_file},
};
use pleura_train::{Error, Observer, Options};
use toml::{Table, Value};

use super::{Study, Variant, file::PRIMARY, fold_assignment::assign_folds};
use crate::series::{Member, Outline, Series, SeriesSummary};

/// A study that is ready to run: one run for each seed, fold and variant.
#[derive(Clone, Debug)]
pub struct StudyPlan {
    /// The study.
    pub study: Study,
    /// For each variant, the settings in which its recipe differs from the baseline's.
    pub differs: Vec<Vec<String>>,
    /// The runs, in the order of the series.
    pub runs: Vec<PlannedRun>,
    /// Folds of each variant; 1 without folds.
    pub folds: usize,
    /// True if best weights are compared on test films; false: on validation films, because there are no
    /// test films.
    pub tested: bool,
    /// The metric of the verdicts.
    pub primary: String,
    /// Planned runs that are not compared, because other runs of their seed are not finished
    /// ([`StudyPlan::partial`]).
    pub pending: usize,
    series: Series,
    record: String,
}

/// One run of a study.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedRun {
    /// Its folder in the study's.
    pub name: String,
    /// Number of its variant.
    pub variant: usize,
    /// Its seed.
    pub seed: u64,
    /// Its fold, from 0, if there are folds.
    pub fold: Option<usize>,
    /// The value whose films it does not train on, with leave-one-out.
    pub left_out: Option<String>,
}

impl StudyPlan {
    /// Plans the runs. Variants of one seed and fold follow each other, so that pairs are complete early.
    ///
    /// # Errors
    /// Variants whose last stages have other films, folds or findings; manifests that cannot be read or have
    /// no folds.
    pub fn new(study: Study) -> Result<Self, Error> {
        let films = Films::of(&study)?;
        let primary = films.primary(&study)?;
        let assignment = assign_folds(&study)?;
        let folds = assignment.as_ref().map_or(1, |assignment| assignment.names.len());
        let (mut runs, mut members) = (Vec::new(), Vec::new());
        for &seed in &study.seeds {
            for fold in 0..folds {
                for (number, variant) in study.variants.iter().enumerate() {
                    let mut name = format!("{}-seed-{seed}", variant.name);
                    let mut manifests = BTreeMap::new();
                    if let Some(assignment) = &assignment {
                        name += &format!("-{}", assignment.names[fold]);
                        manifests.clone_from(&assignment.manifests[number][fold]);
                    }
                    runs.push(PlannedRun {
                        name: name.clone(),
                        variant: number,
                        seed,
                        fold: assignment.is_some().then_some(fold),
                        left_out: assignment
                            .as_ref()
                            .and_then(|assignment| Some(assignment.left_out.as_ref()?[fold].clone())),
                    });
                    members.push(Member {
                        name,
                        recipe: variant.recipe.clone(),
                        seed: Some(seed),
                        manifests,
                    });
                }
            }
        }
        let baseline = table(&study, &study.variants[study.baseline])?;
        let mut differs = Vec::with_capacity(study.variants.len());
        for variant in &study.variants {
            differs.push(differences(&baseline, &table(&study, variant)?));
        }
        Ok(Self {
            record: record(&study)?,
            differs,
            runs,
            folds,
            tested: films.tested || assignment.is_some(),
            primary,
            pending: 0,
            series: Series {
                kind: "study".to_owned(),
                members,
            },
            study,
        })
    }

    /// Runs the study below the folder `out`, up to `at_once` runs at a time ([`Series::run_parallel`]).
    ///
    /// # Errors
    /// [`Error::Occupied`] for a folder with a study, unless `resume` is set; [`Error::Changed`] with the
    /// keys if that is another study; errors of a series.
    pub fn run(
        &self,
        out: &Path,
        options: &Options,
        at_once: usize,
        observer: &mut dyn Observer,
    ) -> Result<SeriesSummary, Error> {
        std::fs::create_dir_all(out).map_err(pleura_run::Error::file(out, "create"))?;
        let _lock = RunLock::take(out)?;
        let path = SeriesFolder::new(out).study();
        if path.exists() && !options.resume {
            return Err(Error::Occupied { out: out.to_owned() });
        }
        self.refuse_changes(out)?;
        let begin = || Ok(write_atomic(&path, self.record.as_bytes())?);
        self.series.run_locked(out, options, at_once, observer, &begin)
    }

    /// Refuses another study than the one that began in a folder, if one did.
    ///
    /// # Errors
    /// [`Error::Changed`] with the keys.
    pub fn refuse_changes(&self, out: &Path) -> Result<(), Error> {
        let path = SeriesFolder::new(out).study();
        if !path.exists() {
            return Ok(());
        }
        let then = std::fs::read_to_string(&path).map_err(pleura_run::Error::file(&path, "read"))?;
        match difference(&then, &self.record) {
            None => Ok(()),
            Some(keys) => Err(Error::Changed {
                out: out.to_owned(),
                changes: vec![format!("the study changed ({keys})")],
            }),
        }
    }

    /// Plans all runs without training. Their manifests are written below `scratch`.
    ///
    /// # Errors
    /// Errors of recipes, manifests and starting weights.
    pub fn outline(&self, scratch: &Path) -> Result<Vec<Outline>, Error> {
        self.series.outline(scratch)
    }

    /// The finished part of the study below `out`: the seeds whose runs are all finished. If there is none,
    /// the complete folds of the first seed that has any.
    ///
    /// # Errors
    /// No seed and fold is complete; errors of [`StudyPlan::refuse_changes`].
    pub fn partial(&self, out: &Path) -> Result<Self, Error> {
        self.refuse_changes(out)?;
        let place = |run: &PlannedRun| (run.seed, run.fold);
        let unfinished: BTreeSet<(u64, Option<usize>)> = self
            .runs
            .iter()
            .zip(self.finished(out))
            .filter(|(run, done)| *done < self.study.variants[run.variant].recipe.stages.len())
            .map(|(run, _)| place(run))
            .collect();
        let mut partial = self.clone();
        partial.runs.retain(|run| !unfinished.contains(&place(run)));
        // A seed with missing folds is not a repetition of a complete one.
        let partly: BTreeSet<u64> = unfinished.iter().map(|place| place.0).collect();
        if partial.runs.iter().any(|run| !partly.contains(&run.seed)) {
            partial.runs.retain(|run| !partly.contains(&run.seed));
        } else if let Some(first) = partial.runs.first().map(|run| run.seed) {
            partial.runs.retain(|run| run.seed == first);
        }
        if partial.runs.is_empty() {
            return Err(self.study.problem(
                "variant",
                format!(
                    "in {}, all variants are not yet trained for any seed and fold, so there is nothing to compare; continue with --resume",
                    out.display()
                ),
            ));
        }
        partial.pending = self.runs.len() - partial.runs.len();
        let seeds: BTreeSet<u64> = partial.runs.iter().map(|run| run.seed).collect();
        let folds: BTreeSet<Option<usize>> = partial.runs.iter().map(|run| run.fold).collect();
        partial.study.seeds.retain(|seed| seeds.contains(seed));
        partial.folds = folds.len();
        Ok(partial)
    }

    /// Number of finished stages of each run below `out`.
    pub fn finished(&self, out: &Path) -> Vec<usize> {
        let count = |run: &PlannedRun| {
            let stages = self.study.variants[run.variant].recipe.stages.iter();
            let folder = SeriesFolder::new(out).run(&run.name);
            stages
                .filter(|stage| folder.stage(&stage.name).is_finished())
                .count()
        };
        self.runs.iter().map(count).collect()
    }
}

/// The films that variants are compared on.
struct Films {
    tested: bool,
    kind: Task,
}

impl Films {
    /// Refuses variants that are not compared on the same films.
    fn of(study: &Study) -> Result<Self, Error> {
        for variant in &study.variants {
            let stage = Study::stage(variant);
            if stage.fractals.is_some() {
                return Err(study.problem(
                    &format!("variant {}: stage.{}.fractals", variant.name, stage.name),
                    "its last stage has fractals, and a study compares predictions of films; add a stage with a manifest after it",
                ));
            }
        }
        let read = |variant: &Variant| -> Result<(Manifest, String), Error> {
            let manifest = Manifest::read(&Study::stage(variant).manifest)?;
            let digest = manifest.digest();
            Ok((manifest, digest))
        };
        let baseline = &study.variants[study.baseline];
        let first = Study::stage(baseline);
        let (manifest, digest) = read(baseline)?;
        for variant in &study.variants {
            let stage = Study::stage(variant);
            let same = [
                ("kind", stage.kind == first.kind),
                ("findings", stage.findings == first.findings),
                ("columns", stage.columns == first.columns),
                ("uncertain", stage.uncertain == first.uncertain),
                (
                    "manifest",
                    stage.manifest == first.manifest || read(variant)?.1 == digest,
                ),
            ];
            if let Some((key, _)) = same.iter().find(|(_, same)| !same) {
                let problem = format!(
                    "its last stage is compared with that of {}, and `{key}` differs; expected the same films and findings in both",
                    baseline.name
                );
                return Err(study.problem(
                    &format!("variant {}: stage.{}.{key}", variant.name, stage.name),
                    problem,
                ));
            }
        }
        Ok(Self {
            tested: !manifest.split(Split::Test).is_empty(),
            kind: first.kind,
        })
    }

    /// The metric of the verdicts.
    fn primary(&self, study: &Study) -> Result<String, Error> {
        let [accuracy, auc, _, balanced, sensitivity] = PRIMARY;
        let independent = self.kind == Task::Independent;
        match study.primary.as_deref() {
            Some(primary) if independent && [accuracy, balanced].contains(&primary) => Err(study.problem(
                "primary",
                "independent findings have no accuracy; expected \"macro AUC\", for example",
            )),
            Some(primary) if !independent && primary == sensitivity => Err(study.problem(
                "primary",
                "for exclusive classes the macro sensitivity has the name \"balanced accuracy\"",
            )),
            Some(primary) => Ok(primary.to_owned()),
            None if independent => Ok(auc.to_owned()),
            None => Ok(accuracy.to_owned()),
        }
    }
}

/// A variant's recipe, in full.
fn table(study: &Study, variant: &Variant) -> Result<Table, Error> {
    let text = variant.recipe.to_toml()?;
    let parsed = text.parse::<Table>();
    parsed.map_err(|error| study.problem(&variant.name, error.message()))
}

/// All inputs of a study, which a resumed study must have too.
fn record(study: &Study) -> Result<String, Error> {
    let number = |number: u64| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
    let mut all = Table::new();
    all.insert("name".into(), study.name.clone().into());
    all.insert(
        "seeds".into(),
        study.seeds.iter().copied().map(number).collect::<Vec<_>>().into(),
    );
    all.insert(
        "baseline".into(),
        study.variants[study.baseline].name.clone().into(),
    );
    all.insert(
        "epochs".into(),
        study
            .epochs
            .iter()
            .map(|&epoch| number(epoch as u64))
            .collect::<Vec<_>>()
            .into(),
    );
    all.insert("test_epochs".into(), study.test_epochs.into());
    if let Some(primary) = &study.primary {
        all.insert("primary".into(), primary.clone().into());
    }
    if let Some(choice) = &study.leave_out {
        let mut leave_out = Table::new();
        leave_out.insert("by".into(), choice.attribute.clone().into());
        if !choice.values.is_empty() {
            leave_out.insert("values".into(), choice.values.clone().into());
        }
        all.insert("leave_out".into(), Value::Table(leave_out));
        all.insert("validation".into(), choice.validation.into());
    }
    if let Some(folds) = &study.folds {
        let count = folds
            .count
            .map_or(Value::Boolean(true), |count| number(count as u64));
        all.insert("folds".into(), count);
        all.insert("validation".into(), folds.validation.into());
        all.insert(
            "once".into(),
            folds
                .once
                .iter()
                .cloned()
                .map(Value::from)
                .collect::<Vec<_>>()
                .into(),
        );
    }
    let mut variants = Table::new();
    for variant in &study.variants {
        variants.insert(variant.name.clone(), Value::Table(table(study, variant)?));
    }
    all.insert("variant".into(), Value::Table(variants));
    toml::to_string_pretty(&all).map_err(|error| study.problem("", error.to_string()))
}

/// Settings in which a recipe differs from the baseline's, one on each line.
fn differences(baseline: &Table, own: &Table) -> Vec<String> {
    let names = |table: &Table| -> Vec<String> {
        let stages = table.get("stage").and_then(Value::as_array).into_iter().flatten();
        let names = stages.filter_map(|stage| stage.get("name")?.as_str());
        names.map(str::to_owned).collect()
    };
    let mut own = own.clone();
    // The last stages are compared with each other, whatever their names.
    let last = own
        .get_mut("stage")
        .and_then(Value::as_array_mut)
        .and_then(|stages| stages.last_mut());
    if let (Some(last), Some(name)) = (last.and_then(Value::as_table_mut), names(baseline).last()) {
        last.insert("name".to_owned(), Value::String(name.clone()));
    }
    let (theirs, ours) = (names(baseline), names(&own));
    let mut lines = Vec::new();
    for name in theirs.iter().filter(|name| !ours.contains(name)) {
        lines.push(format!("without stage {name}"));
    }
    for name in ours.iter().filter(|name| !theirs.contains(name)) {
        lines.push(format!("with stage {name}"));
    }
    for Change { key, was, is } in between(baseline, &own) {
        let stage = key.strip_prefix("stage.").and_then(|rest| rest.split('.').next());
        if stage.is_some_and(|stage| {
            !ours.iter().any(|name| name == stage) || !theirs.iter().any(|name| name == stage)
        }) {
            continue;
        }
        let word = |value: Option<Value>| match value {
            None => "left out".to_owned(),
            // The folder of a file is irrelevant; its name may matter.
            Some(Value::String(path)) if is_file(&key, &Value::String(path.clone())) => {
                let name = Path::new(&path).file_name().unwrap_or_default();
                name.to_string_lossy().into_owned()
            }
            Some(value) => value.to_string(),
        };
        lines.push(format!("{key}: {} (baseline: {})", word(is), word(was)));
    }
    lines
}

impl Study {
    /// A variant's recipe as it will be trained, except for seeds and folds.
    pub fn recipe(&self, variant: usize) -> &Recipe {
        &self.variants[variant].recipe
    }
}
