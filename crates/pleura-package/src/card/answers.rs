//! Answers that follow from the run itself, as sentences with its numbers.

use serde_json::Value;

use crate::Parts;
use crate::training::{DatasetRecord, Population, StageRecord};

/// The run's answer to a question; `None` if only a person can answer it.
pub(super) fn from_run(key: &str, parts: &Parts) -> Option<String> {
    match key {
        "data_sources" => data_sources(parts),
        "eligibility" => eligibility(parts),
        "preprocessing" | "predictors_in_analysis" => Some(preprocessing(parts)),
        "data_elements" => Some(data_elements(parts)),
        "missing" => missing(parts),
        "partitions" => partitions(parts),
        "disjoint" => disjoint(parts),
        "model" => Some(model(parts)),
        "software" => Some(parts.golden.about.software.clone()),
        "initialisation" => initialisation(parts),
        "training" => training(parts),
        "selection" => selection(parts),
        "ensembling" => Some("No: one network.".to_owned()),
        "metrics" => metrics(parts),
        "uncertainty" => uncertainty(parts),
        "robustness" | "heterogeneity_planned" => audited(parts),
        "explainability" => Some(format!(
            "Layer-wise relevance propagation ({}); heatmaps of {} golden films are in the package, and `pleura package verify` and `pleura predict` compute them anew.",
            parts.golden.about.composite,
            parts.golden.about.films.len()
        )),
        "external" => external(parts),
        "updating" | "updating_results" => updating(parts),
        "calculation" => Some(
            "By the same program and weights as in this package, with running statistics, on films prepared as the package says; the most probable \
             class, or each finding from its threshold on."
                .to_owned(),
        ),
        "imbalance" => imbalance(parts),
        "fairness" => check(parts, "subgroups"),
        "output" => Some(output(parts)),
        "differences" | "comparison" | "demographics" => people(parts),
        "flow" => flow(parts),
        "events" => events(parts),
        "performance" => performance(parts),
        "poor_input" => Some(poor_input(parts)),
        _ => None,
    }
}

fn datasets(parts: &Parts) -> impl Iterator<Item = (&StageRecord, &DatasetRecord)> {
    parts.training.stages.iter().flat_map(|stage| {
        let datasets = stage.films.iter().flat_map(|films| &films.datasets);
        datasets.map(move |dataset| (stage, dataset))
    })
}

fn sentence(parts: impl IntoIterator<Item = String>) -> Option<String> {
    let parts: Vec<String> = parts.into_iter().collect();
    (!parts.is_empty()).then(|| format!("{}.", parts.join("; ")))
}

fn data_sources(parts: &Parts) -> Option<String> {
    sentence(datasets(parts).map(|(stage, dataset)| {
        let title = if dataset.title.is_empty() {
            &dataset.name
        } else {
            &dataset.title
        };
        format!("stage {}: {title} ({} films)", stage.name, dataset.films)
    }))
}

fn eligibility(parts: &Parts) -> Option<String> {
    sentence(datasets(parts).flat_map(|(_, dataset)| {
        let left = dataset.left_out.iter();
        left.map(|(reason, films)| format!("{}: {films} films left out: {reason}", dataset.name))
            .collect::<Vec<_>>()
    }))
}

fn preprocessing(parts: &Parts) -> String {
    let preparation = &parts.model.preparation;
    let fit = serde_json::to_value(preparation.fit).unwrap_or_default();
    format!(
        "The whole film, in grey, black 0 and white 1, brought to {size}×{size} pixels ({}), {}; normalised by mean {:?} and deviation {:?}.",
        fit.as_str().unwrap_or_default(),
        if preparation.equalise.is_some() {
            "grey levels evened out"
        } else {
            "grey levels as they are"
        },
        parts.model.normalisation.mean,
        parts.model.normalisation.std,
        size = preparation.size,
    )
}

fn data_elements(parts: &Parts) -> String {
    let findings: Vec<String> = parts
        .model
        .findings
        .iter()
        .map(|finding| {
            let codes: Vec<String> = finding
                .codes
                .iter()
                .map(|code| format!("{} {} {}", code.scheme, code.code, code.meaning))
                .collect();
            let codes = if codes.is_empty() {
                "no code".to_owned()
            } else {
                codes.join(", ")
            };
            format!("{} ({codes})", finding.name)
        })
        .collect();
    format!(
        "In: the pixels of one film and nothing else. Out: {}.",
        findings.join("; ")
    )
}

fn last_stage(parts: &Parts) -> Option<&Value> {
    parts.training.recipe.get("stage")?.as_array()?.last()
}

fn word<'a>(stage: &'a Value, key: &str) -> Option<&'a str> {
    stage.get(key)?.as_str()
}

fn missing(parts: &Parts) -> Option<String> {
    let uncertain = word(last_stage(parts)?, "uncertain")?;
    Some(format!(
        "A label that is not known takes no part in the loss or in a measure; uncertain labels: {uncertain}."
    ))
}

fn partitions(parts: &Parts) -> Option<String> {
    let films = parts.training.films()?;
    let split = films.split.as_ref()?;
    let [train, validation, test] = split.fractions;
    Some(format!(
        "By {}, seed {}, parts {train} / {validation} / {test}; digest of the test split {}{}.",
        split.by,
        split.seed,
        &split.test_digest,
        match films.test_unchanged {
            Some(true) => ", unchanged since",
            Some(false) => ", CHANGED SINCE",
            None => "",
        }
    ))
}

fn disjoint(parts: &Parts) -> Option<String> {
    let films = parts.training.films()?;
    let split = films.split.as_ref()?;
    Some(format!(
        "{}; duplicates of films across the parts were {}.",
        if split.by == "patient" {
            "Patients"
        } else {
            "As the dataset's publishers split it"
        },
        if films.duplicates_looked_for {
            "searched for (`pleura data duplicates`)"
        } else {
            "not looked for"
        }
    ))
}

fn model(parts: &Parts) -> String {
    let architecture = &parts.model.architecture;
    format!(
        "{}: a DenseNet with blocks of {:?} layers, growth {}, {} pooled features and {} outputs ({}); weights with the digest {} are in the package.",
        architecture.name(),
        architecture.blocks(),
        architecture.growth(),
        architecture.features(),
        parts.model.findings.len(),
        parts.model.kind.name(),
        parts.model.digest
    )
}

fn initialisation(parts: &Parts) -> Option<String> {
    let stages = parts.training.recipe.get("stage")?.as_array()?;
    let mut before = "random".to_owned();
    sentence(stages.iter().map(|stage| {
        let name = word(stage, "name").unwrap_or_default();
        let start = word(stage, "start").unwrap_or(&before).to_owned();
        before = format!("stage:{name}");
        let kept = stage
            .pointer("/keep/rule")
            .and_then(Value::as_str)
            .unwrap_or("none");
        format!("stage {name} starts from {start}, output neurons kept: {kept}")
    }))
}

fn training(parts: &Parts) -> Option<String> {
    let stages = parts.training.recipe.get("stage")?.as_array()?;
    sentence(stages.iter().map(|stage| {
        let text = |key: &str| stage.get(key).map(Value::to_string).unwrap_or_default();
        format!(
            "stage {}: {} epochs in batches of {}, optimiser {}, augmentation {}",
            word(stage, "name").unwrap_or_default(),
            text("epochs"),
            text("batch"),
            stage
                .pointer("/optimiser/kind")
                .and_then(Value::as_str)
                .unwrap_or_default(),
            text("augmentation").replace('"', "")
        )
    }))
}

fn selection(parts: &Parts) -> Option<String> {
    let best = parts.training.stages.last()?.outcome.as_ref()?.summary.best_epoch;
    let monitor = word(last_stage(parts)?, "monitor")?;
    Some(format!(
        "The epoch (number {best}, from 0) with the best {} on the validation films.",
        monitor.replace('_', " ")
    ))
}

fn metrics(parts: &Parts) -> Option<String> {
    parts.metrics.test.as_ref()?;
    Some("Accuracy, area under the ROC curve, sensitivity and specificity of each finding, Brier score and log loss.".to_owned())
}

fn uncertainty(parts: &Parts) -> Option<String> {
    let options = &parts.metrics.test.as_ref()?.options;
    Some(format!(
        "Exact intervals over patients for proportions, {} bootstrap draws of patients for the rest, at {:.0} %.",
        options.bootstrap,
        100.0 * options.level
    ))
}

fn checks(parts: &Parts) -> Option<&Vec<Value>> {
    parts.audit.as_ref()?.get("checks")?.as_array()
}

fn audited(parts: &Parts) -> Option<String> {
    sentence(checks(parts)?.iter().map(|check| {
        let of = |key: &str| check.get(key).and_then(Value::as_str).unwrap_or_default();
        format!("{}: {}", of("name"), of("verdict").replace('_', " "))
    }))
    .map(|text| format!("Audited for shortcuts: {text}"))
}

fn check(parts: &Parts, name: &str) -> Option<String> {
    let found = checks(parts)?
        .iter()
        .find(|check| check.get("name").and_then(Value::as_str) == Some(name))?;
    let says = found.get("says").and_then(Value::as_str)?;
    Some(format!("The audit asked: {says}."))
}

fn external(parts: &Parts) -> Option<String> {
    sentence(parts.metrics.recorded.iter().map(|(name, recorded)| {
        let sources: Vec<&str> = recorded
            .evaluation
            .sources
            .iter()
            .map(|source| source.dataset.as_str())
            .collect();
        format!(
            "{name}: {} films of {}",
            recorded.evaluation.films,
            sources.join(", ")
        )
    }))
}

fn updating(parts: &Parts) -> Option<String> {
    let bare = parts.not_calibrated();
    let calibration = parts.calibration.as_ref();
    let calibration = calibration.filter(|_| bare.len() < parts.model.findings.len())?;
    let but = if bare.is_empty() {
        String::new()
    } else {
        format!(" (none for {})", bare.join(", "))
    };
    Some(format!(
        "Temperatures were fitted{but} on {} validation films of {} patients: log loss there {} before and {} after.",
        calibration.fitted_on.films,
        calibration.fitted_on.patients,
        calibration.before.log_loss.cell(),
        calibration.after.log_loss.cell()
    ))
}

fn imbalance(parts: &Parts) -> Option<String> {
    let stage = last_stage(parts)?;
    Some(format!(
        "Class weights: {}; weights of positives: {}.",
        word(stage, "class_weights").unwrap_or("own numbers"),
        word(stage, "positive_weights").unwrap_or("own numbers")
    ))
}

fn output(parts: &Parts) -> String {
    let thresholds: Vec<String> = parts.calibration.as_ref().map_or_else(Vec::new, |calibration| {
        let all = calibration.thresholds.iter();
        all.map(|(finding, one)| {
            format!(
                "{finding} is called from {:.3} on, chosen for {}",
                one.threshold, one.rule
            )
        })
        .collect()
    });
    let bare = parts.not_calibrated();
    let probabilities = if bare.is_empty() {
        "Calibrated probabilities".to_owned()
    } else if bare.len() == parts.model.findings.len() {
        "Probabilities that were not calibrated".to_owned()
    } else {
        format!("Calibrated probabilities (those of {} were not)", bare.join(", "))
    };
    if thresholds.is_empty() {
        format!("{probabilities}; no thresholds were chosen.")
    } else {
        format!("{probabilities}; {}.", thresholds.join("; "))
    }
}

fn parts_of(parts: &Parts) -> Option<impl Iterator<Item = (&'static str, &Population)>> {
    let films = parts.training.films()?;
    Some(
        ["train", "val", "test"]
            .into_iter()
            .filter_map(move |name| Some((name, films.people.get(name)?))),
    )
}

fn people(parts: &Parts) -> Option<String> {
    sentence(parts_of(parts)?.map(|(name, people)| {
        let listed = |counts: &std::collections::BTreeMap<String, usize>| {
            let each: Vec<String> = counts
                .iter()
                .map(|(what, films)| format!("{what} {films}"))
                .collect();
            each.join(", ")
        };
        let ages = match (people.ages, people.children, people.ages_known) {
            (Some([least, median, most]), children, _) => {
                format!("ages {least} to {most}, median {median}, {children} under 18")
            }
            (None, _, 0) => "ages unknown".to_owned(),
            (None, children, told) => format!("ages told in groups, {children} of {told} under 18"),
        };
        format!(
            "{name}: {ages}; sex {}; views {}; sources {}",
            listed(&people.sex),
            listed(&people.views),
            listed(&people.datasets)
        )
    }))
}

fn flow(parts: &Parts) -> Option<String> {
    sentence(
        parts_of(parts)?
            .map(|(name, people)| format!("{name}: {} films of {} patients", people.films, people.patients)),
    )
}

fn events(parts: &Parts) -> Option<String> {
    sentence(parts_of(parts)?.map(|(name, people)| {
        let each = people.positives.iter();
        let each: Vec<String> = each
            .map(|(finding, films)| format!("{finding} {films}"))
            .collect();
        format!("{name}: {} films, {}", people.films, each.join(", "))
    }))
}

fn performance(parts: &Parts) -> Option<String> {
    let test = parts.metrics.test.as_ref()?;
    let mut said = Vec::new();
    if test.overall.accuracy.value.is_some() {
        said.push(format!("accuracy {}", test.overall.accuracy.cell()));
    }
    said.push(format!(
        "mean area under the ROC curve {}",
        test.overall.macro_auc.cell()
    ));
    sentence([format!(
        "On {} test films of {} patients: {}",
        test.films,
        test.patients,
        said.join(", ")
    )])
}

fn poor_input(parts: &Parts) -> String {
    let contract = &parts.contract;
    let age = contract
        .least_age
        .map_or_else(String::new, |age| format!(", or a patient under {age}"));
    format!(
        "No answer is given, with the reason, where a file says that it is no frontal chest film{age}, is in colour or is smaller than {} pixels; nor \
         where the film looks inverted or is far from the training films by any of {} measures, whose limits let {:.0} % of the validation films pass.",
        contract.shortest_side,
        contract.limits.len(),
        100.0 * contract.keep
    )
}
