//! Checks a whole recipe when it is read, so that a typing error shows at once.

use std::collections::BTreeSet;

use super::{
    ALL_BUT_HEAD, Groups, LearningRate, Monitor, NormalisationChoice, OptimiserRecipe, Recipe,
    ScheduleRecipe, Stage, Start, Step, Weighting, WeightingWord,
};
use crate::error::Error;
use pleura_core::Task;

/// The largest input; a larger number is a typing error.
const LARGEST_SIZE: usize = 8192;

/// Checks a recipe.
///
/// # Errors
/// An entry that contradicts another or the architecture, with its line and the allowed values.
pub fn check(recipe: &Recipe) -> Result<(), Error> {
    let architecture = recipe.architecture()?;
    if recipe.seed > i64::MAX as u64 {
        return Err(recipe.problem(
            &["seed".into()],
            format!("found {}, expected at most {}", recipe.seed, i64::MAX),
        ));
    }
    if let Some(NormalisationChoice::Described(given)) = recipe.normalisation
        && (given.mean.iter().any(|mean| !mean.is_finite())
            || given.std.iter().any(|std| !(std.is_finite() && *std > 0.0)))
    {
        return Err(recipe.problem(
            &["normalisation".into()],
            "expected finite means and standard deviations above 0",
        ));
    }
    if recipe.preparation.size > LARGEST_SIZE {
        let problem = format!(
            "found {}, expected at most {LARGEST_SIZE}",
            recipe.preparation.size
        );
        return Err(recipe.problem(&["preparation".into(), "size".into()], problem));
    }
    if let Err(error) = architecture.map_sizes(recipe.preparation.size) {
        return Err(recipe.problem(&["preparation".into(), "size".into()], error.to_string()));
    }
    let evaluation = &recipe.evaluation;
    if !(evaluation.level > 0.0 && evaluation.level < 1.0) {
        let problem = format!(
            "found {}, expected a probability between 0 and 1",
            evaluation.level
        );
        return Err(recipe.problem(&["evaluation".into(), "level".into()], problem));
    }
    if (1..100).contains(&evaluation.bootstrap) {
        let problem = format!(
            "found {}, expected 0 (none) or at least 100",
            evaluation.bootstrap
        );
        return Err(recipe.problem(&["evaluation".into(), "bootstrap".into()], problem));
    }
    if recipe.stages.is_empty() {
        return Err(recipe.problem(&[], "there is no [[stage]]; a recipe needs at least one"));
    }
    let mut groups: Vec<String> = Vec::new();
    for spec in architecture.parameters(1) {
        if groups.last() != Some(&spec.group) {
            groups.push(spec.group);
        }
    }
    for (index, stage) in recipe.stages.iter().enumerate() {
        StageCheck {
            recipe,
            index,
            stage,
            groups: &groups,
        }
        .check()?;
    }
    Ok(())
}

struct StageCheck<'a> {
    recipe: &'a Recipe,
    index: usize,
    stage: &'a Stage,
    groups: &'a [String],
}

impl StageCheck<'_> {
    fn check(&self) -> Result<(), Error> {
        self.name()?;
        self.data()?;
        self.findings()?;
        self.start()?;
        self.numbers()?;
        self.learning_rates()?;
        self.optimiser()?;
        self.schedule()?;
        self.freezing()?;
        self.weighting()?;
        self.sampling()?;
        self.epoch_predictions()?;
        self.isnet()
    }

    fn epoch_predictions(&self) -> Result<(), Error> {
        let (after, epochs) = (&self.stage.epoch_predictions.after, self.stage.epochs);
        let different: BTreeSet<&usize> = after.iter().collect();
        if different.len() < after.len() || after.iter().any(|&after| after > epochs) {
            let problem = format!("found {after:?}, expected different numbers of epochs, 0 to {epochs}");
            return Err(self.problem(&["answers".into(), "after".into()], problem));
        }
        Ok(())
    }

    fn problem(&self, at: &[Step<'_>], problem: impl Into<String>) -> Error {
        let mut path = vec!["stage".into(), self.index.into()];
        path.extend_from_slice(at);
        self.recipe.problem(&path, problem)
    }

    fn name(&self) -> Result<(), Error> {
        let name = &self.stage.name;
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > 64 || !name.chars().all(allowed) {
            let problem =
                format!("found {name:?}, expected 1 to 64 letters, digits, - and _ (it names a folder)");
            return Err(self.problem(&["name".into()], problem));
        }
        // File systems may ignore the case of folder names.
        if self.earlier().any(|stage| stage.name.eq_ignore_ascii_case(name)) {
            return Err(self.problem(&["name".into()], format!("two stages have the name {name:?}")));
        }
        Ok(())
    }

    /// A stage has a manifest or fractals, never both.
    fn data(&self) -> Result<(), Error> {
        let stage = self.stage;
        let has_manifest = !stage.manifest.as_os_str().is_empty();
        let Some(fractals) = &stage.fractals else {
            if has_manifest {
                return Ok(());
            }
            let problem = "expected a manifest, manifest = \"….csv\" (make one with `pleura data build`), or [stage.fractals]";
            return Err(self.problem(&["manifest".into()], problem));
        };
        let without = |key: &'static str, there: bool, why: &str| {
            if !there {
                return Ok(());
            }
            Err(self.problem(&[key.into()], format!("{why}; remove it, or [stage.fractals]")))
        };
        without("manifest", has_manifest, "fractals have no manifest")?;
        without(
            "findings",
            stage.findings.is_some(),
            "the number of classes is `classes` of [stage.fractals], and their names are fixed",
        )?;
        without(
            "columns",
            !stage.columns.is_empty(),
            "fractals have no manifest with columns",
        )?;
        without("isnet", stage.isnet.is_some(), "fractals have no lungs")?;
        if stage.kind != Task::Exclusive {
            let problem = "expected \"exclusive\": a fractal has exactly one class";
            return Err(self.problem(&["kind".into()], problem));
        }
        match fractals.fault() {
            Some((key, problem)) => Err(self.problem(&["fractals".into(), key.into()], problem)),
            None => Ok(()),
        }
    }

    fn earlier(&self) -> impl Iterator<Item = &Stage> {
        self.recipe.stages[..self.index].iter()
    }

    fn findings(&self) -> Result<(), Error> {
        let stage = self.stage;
        let Some(findings) = &stage.findings else {
            if let Some(name) = stage.columns.keys().next() {
                let problem = format!("{name:?} is made from columns, so the stage must list its findings");
                return Err(self.problem(&["columns".into(), name.as_str().into()], problem));
            }
            return Ok(());
        };
        let fewest = if stage.kind == Task::Exclusive { 2 } else { 1 };
        if findings.len() < fewest {
            let problem = format!(
                "found {}, expected at least {fewest} ({} stage)",
                findings.len(),
                stage.kind.name()
            );
            return Err(self.problem(&["findings".into()], problem));
        }
        let mut seen = BTreeSet::new();
        for finding in findings {
            if finding.trim().is_empty() || !seen.insert(finding) {
                let problem = format!("{finding:?} is empty or repeated; expected different names");
                return Err(self.problem(&["findings".into()], problem));
            }
        }
        let known = |key: &'static str, name: &String| {
            if findings.contains(name) {
                return Ok(());
            }
            let problem = format!("{name:?} is not one of the stage's findings {findings:?}");
            Err(self.problem(&[key.into(), name.as_str().into()], problem))
        };
        for (name, columns) in &stage.columns {
            known("columns", name)?;
            if columns.is_empty() {
                let problem = "expected at least one column of the manifest";
                return Err(self.problem(&["columns".into(), name.as_str().into()], problem));
            }
        }
        stage
            .keep
            .map
            .keys()
            .chain(&stage.keep.fresh)
            .try_for_each(|name| known("keep", name))?;
        if let Some(name) = stage
            .keep
            .fresh
            .iter()
            .find(|name| stage.keep.map.contains_key(*name))
        {
            return Err(self.problem(
                &["keep".into(), "fresh".into()],
                format!("{name:?} is both mapped and fresh"),
            ));
        }
        Ok(())
    }

    fn start(&self) -> Result<(), Error> {
        self.is_earlier(&["start".into()], self.stage.start.as_ref())
    }

    fn is_earlier(&self, at: &[Step<'_>], start: Option<&Start>) -> Result<(), Error> {
        let Some(Start::Stage(name)) = start else {
            return Ok(());
        };
        if self.earlier().any(|stage| stage.name == *name) {
            return Ok(());
        }
        let names: Vec<&str> = self.earlier().map(|stage| stage.name.as_str()).collect();
        Err(self.problem(
            at,
            format!("no earlier stage has the name {name:?}; the earlier stages are {names:?}"),
        ))
    }

    fn numbers(&self) -> Result<(), Error> {
        let stage = self.stage;
        let counts = [
            ("epochs", stage.epochs as u64),
            ("batch", stage.batch as u64),
            ("checkpoint_every", stage.checkpoint_every),
            ("patience", stage.patience.unwrap_or(1) as u64),
        ];
        for (key, value) in counts {
            if !(1..=100_000_000).contains(&value) {
                return Err(self.problem(&[key.into()], format!("found {value}, expected 1 to 100000000")));
            }
        }
        if stage.seed.is_some_and(|seed| seed > i64::MAX as u64) {
            return Err(self.problem(&["seed".into()], format!("expected at most {}", i64::MAX)));
        }
        if stage.kind == Task::Independent && stage.monitor == Monitor::Accuracy {
            let problem =
                "independent findings have no accuracy; expected \"validation_loss\" or \"macro_auc\"";
            return Err(self.problem(&["monitor".into()], problem));
        }
        match stage.gradient_clip {
            Some(clip) if !(clip.is_finite() && clip > 0.0) => Err(self.problem(
                &["gradient_clip".into()],
                format!("found {clip}, expected a number above 0"),
            )),
            _ => Ok(()),
        }
    }

    fn learning_rates(&self) -> Result<(), Error> {
        let at = |key: &str| self.problem(&["learning_rate".into(), key.into()], self.groups_are(key));
        match &self.stage.learning_rate {
            LearningRate::One(rate) => self.rate("learning_rate", *rate),
            LearningRate::ByGroup(rates) => {
                for (group, rate) in rates {
                    if group != LearningRate::ALL && !self.groups.contains(group) {
                        return Err(at(group));
                    }
                    self.rate("learning_rate", *rate)?;
                }
                match self
                    .groups
                    .iter()
                    .find(|group| self.stage.learning_rate.of(group).is_none())
                {
                    Some(group) => Err(self.problem(
                        &["learning_rate".into()],
                        format!("no rate for the group {group:?}; add it, or `all` for the other groups"),
                    )),
                    None => Ok(()),
                }
            }
        }
    }

    fn rate(&self, key: &'static str, rate: f64) -> Result<(), Error> {
        if rate.is_finite() && rate >= 0.0 {
            return Ok(());
        }
        Err(self.problem(
            &[key.into()],
            format!("found {rate}, expected 0 or a number above"),
        ))
    }

    fn groups_are(&self, found: &str) -> String {
        format!(
            "no group has the name {found:?}; the groups are {}",
            self.groups.join(", ")
        )
    }

    fn optimiser(&self) -> Result<(), Error> {
        let refuse = |key: &str, found: f64, expected: &str| {
            Err(self.problem(
                &["optimiser".into(), key.into()],
                format!("found {found}, expected {expected}"),
            ))
        };
        let decay = match self.stage.optimiser {
            OptimiserRecipe::Sgd {
                momentum,
                nesterov,
                weight_decay,
                ..
            } => {
                if !(0.0..1.0).contains(&momentum) {
                    return refuse("momentum", momentum, "0 or more and below 1");
                }
                if nesterov && momentum == 0.0 {
                    return refuse("nesterov", momentum, "a momentum above 0");
                }
                weight_decay
            }
            OptimiserRecipe::AdamW {
                betas,
                eps,
                weight_decay,
                ..
            } => {
                if let Some(beta) = betas.iter().find(|beta| !(0.0..1.0).contains(*beta)) {
                    return refuse("betas", *beta, "0 or more and below 1");
                }
                if !(eps.is_finite() && eps > 0.0) {
                    return refuse("eps", eps, "a number above 0");
                }
                weight_decay
            }
        };
        if decay.is_finite() && decay >= 0.0 {
            return Ok(());
        }
        refuse("weight_decay", decay, "0 or a number above")
    }

    fn schedule(&self) -> Result<(), Error> {
        let refuse = |key: &str, found: f64, expected: &str| {
            Err(self.problem(
                &["schedule".into(), key.into()],
                format!("found {found}, expected {expected}"),
            ))
        };
        match self.stage.schedule {
            ScheduleRecipe::Step { every: 0, .. } => return refuse("every", 0.0, "at least 1 epoch"),
            ScheduleRecipe::Step { factor, .. } if !(factor > 0.0 && factor <= 1.0) => {
                return refuse("factor", factor, "above 0 and at most 1");
            }
            ScheduleRecipe::Cosine { floor, .. } if !(0.0..=1.0).contains(&floor) => {
                return refuse("floor", floor, "0 to 1 (a share of the learning rate)");
            }
            _ => {}
        }
        if let Some(warm_up) = self.stage.schedule.warm_up() {
            if !(warm_up.epochs > 0.0 && warm_up.epochs < self.stage.epochs as f64) {
                return refuse(
                    "warm_up",
                    warm_up.epochs,
                    "more than 0 and fewer than the stage's epochs",
                );
            }
            if !(0.0..=1.0).contains(&warm_up.from) {
                return refuse("warm_up", warm_up.from, "0 to 1 (a share of the learning rate)");
            }
        }
        Ok(())
    }

    fn sampling(&self) -> Result<(), Error> {
        let (stage, at) = (self.stage, Step::from("sampling"));
        let Some(sampling) = &stage.sampling else {
            return Ok(());
        };
        if stage.kind == Task::Independent || stage.fractals.is_some() {
            return Err(self.problem(&[at], "for exclusive classes of films only"));
        }
        let twice =
            sampling.balances_class() && stage.class_weights == Weighting::Word(WeightingWord::Balanced);
        if twice {
            let problem = "\"class\" and class_weights = \"balanced\" do the same; expected one of them";
            return Err(self.problem(&[at, "balance".into()], problem));
        }
        match sampling.fault() {
            Some((key, problem)) => Err(self.problem(&[at, key], problem)),
            None => Ok(()),
        }
    }

    fn isnet(&self) -> Result<(), Error> {
        let Some(isnet) = &self.stage.isnet else {
            return Ok(());
        };
        if let Some((key, problem)) = isnet.fault() {
            return Err(self.problem(&["isnet".into(), key.into()], problem));
        }
        self.is_earlier(&["isnet".into(), "plain".into()], isnet.plain.as_ref())
    }

    fn freezing(&self) -> Result<(), Error> {
        for (position, freeze) in self.stage.freeze.iter().enumerate() {
            let at = |key: &'static str| ["freeze".into(), position.into(), key.into()];
            match &freeze.groups {
                Groups::Word(word) if word != ALL_BUT_HEAD => {
                    let problem = format!("found {word:?}, expected \"{ALL_BUT_HEAD}\" or a list of groups");
                    return Err(self.problem(&at("groups"), problem));
                }
                Groups::List(list) => {
                    if let Some(unknown) = list.iter().find(|group| !self.groups.contains(group)) {
                        return Err(self.problem(&at("groups"), self.groups_are(unknown)));
                    }
                }
                Groups::Word(_) => {}
            }
            if freeze.until_epoch == Some(0) {
                return Err(self.problem(
                    &at("until_epoch"),
                    "epochs count from 0, so until_epoch = 0 freezes nothing",
                ));
            }
        }
        let moves = |epoch| {
            self.groups
                .iter()
                .any(|group| !self.stage.freeze.iter().any(|freeze| freeze.holds(group, epoch)))
        };
        // The frozen groups change only at an until_epoch.
        let changes = self.stage.freeze.iter().filter_map(|freeze| freeze.until_epoch);
        match std::iter::once(0)
            .chain(changes)
            .filter(|&epoch| epoch < self.stage.epochs)
            .find(|&epoch| !moves(epoch))
        {
            Some(epoch) => Err(self.problem(
                &["freeze".into()],
                format!("in epoch {epoch} every group is frozen"),
            )),
            None => Ok(()),
        }
    }

    fn weighting(&self) -> Result<(), Error> {
        let stage = self.stage;
        for (key, weighting) in [
            ("class_weights", &stage.class_weights),
            ("positive_weights", &stage.positive_weights),
        ] {
            if let Weighting::List(weights) = weighting {
                if let Some(bad) = weights
                    .iter()
                    .find(|weight| !(weight.is_finite() && **weight > 0.0))
                {
                    return Err(self.problem(&[key.into()], format!("found {bad}, expected numbers above 0")));
                }
                if let Some(findings) = &stage.findings
                    && findings.len() != weights.len()
                {
                    let problem = format!(
                        "found {} numbers, expected {}, one for each finding",
                        weights.len(),
                        findings.len()
                    );
                    return Err(self.problem(&[key.into()], problem));
                }
            }
        }
        let none = Weighting::Word(WeightingWord::None);
        if stage.kind == Task::Exclusive && stage.positive_weights != none {
            let problem = "for independent findings only; exclusive classes have class_weights";
            return Err(self.problem(&["positive_weights".into()], problem));
        }
        if stage.kind == Task::Independent && stage.class_weights == Weighting::Word(WeightingWord::Balanced)
        {
            let problem = "independent findings are balanced by positive_weights = \"balanced\"";
            return Err(self.problem(&["class_weights".into()], problem));
        }
        Ok(())
    }
}
