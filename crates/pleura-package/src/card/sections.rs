//! A package's description as headings, sentences and tables, shared by the terminal and the page.

use pleura_eval::{Estimate, Evaluation};
use serde_json::Value;

use crate::golden::Origin;
use crate::{NOTICE, Package, Parts};

/// A section of the description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The heading.
    pub title: String,
    /// Its content.
    pub blocks: Vec<Block>,
}

/// A part of a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// One or more sentences.
    Text(String),
    /// A table.
    Table {
        /// Column heads.
        head: Vec<String>,
        /// Cells by row.
        rows: Vec<Vec<String>>,
    },
}

fn table(head: &[&str], rows: Vec<Vec<String>>) -> Block {
    Block::Table {
        head: head.iter().map(ToString::to_string).collect(),
        rows,
    }
}

fn section(title: &str, blocks: Vec<Block>) -> Section {
    Section {
        title: title.to_owned(),
        blocks,
    }
}

/// All sections of a package.
pub fn sections(package: &Package) -> Vec<Section> {
    let mut all = vec![
        what(package),
        findings(package),
        contract(package),
        metrics(package),
        data(package),
        audit(package),
        golden(package),
    ];
    all.extend(checklist(package));
    all
}

fn what(package: &Package) -> Section {
    let parts = &package.parts;
    let or_not = |text: &Option<String>| text.clone().unwrap_or_else(|| "not said".to_owned());
    let rows = [
        ("name", or_not(&parts.card.name)),
        ("version", or_not(&parts.card.version)),
        ("contact", or_not(&parts.card.contact)),
        ("package", package.digest.clone()),
        ("weights", parts.model.digest.clone()),
        (
            "signed",
            package.signer.map_or_else(
                || "no".to_owned(),
                |key| format!("with the key {}", key.fingerprint()),
            ),
        ),
        ("made by", parts.golden.about.software.clone()),
        (
            "network",
            format!(
                "{}, {} outputs, {}, films of {size}×{size}",
                parts.model.architecture.name(),
                parts.model.findings.len(),
                parts.model.kind.name(),
                size = parts.model.preparation.size
            ),
        ),
    ];
    let rows = rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]);
    section(
        "The model",
        vec![table(&["", ""], rows.collect()), Block::Text(NOTICE.to_owned())],
    )
}

fn findings(package: &Package) -> Section {
    let parts = &package.parts;
    let calibration = parts.calibration.as_ref();
    let rows = parts.model.findings.iter().map(|finding| {
        let codes = |scheme: &str| {
            let of = finding.codes.iter().filter(|code| code.scheme == scheme);
            let all: Vec<&str> = of.map(|code| code.code.as_str()).collect();
            if all.is_empty() {
                "no code".to_owned()
            } else {
                all.join(", ")
            }
        };
        let threshold = calibration.and_then(|all| all.thresholds.get(&finding.name));
        vec![
            finding.name.clone(),
            codes("SCT"),
            codes("RADLEX"),
            threshold.map_or_else(|| "not chosen".to_owned(), |one| format!("{:.3}", one.threshold)),
            threshold.map_or_else(String::new, |one| one.rule.to_string()),
        ]
    });
    let mut blocks = vec![table(
        &["finding", "SNOMED CT", "RadLex", "called from", "chosen for"],
        rows.collect(),
    )];
    blocks.push(Block::Text(calibrated(&package.parts)));
    section("Findings and thresholds", blocks)
}

/// Calibration of the probabilities, and the films behind it and the thresholds.
fn calibrated(parts: &Parts) -> String {
    let bare = parts.not_calibrated();
    let none = bare.len() == parts.model.findings.len();
    let Some(one) = parts
        .calibration
        .as_ref()
        .filter(|one| !(none && one.thresholds.is_empty()))
    else {
        return "Probabilities are not calibrated, and no thresholds were chosen (pleura calibrate)."
            .to_owned();
    };
    let on = format!(
        "{} films of {} patients of the split {:?}, digest {}",
        one.fitted_on.films, one.fitted_on.patients, one.fitted_on.split, one.fitted_on.digest
    );
    if none {
        return format!(
            "Probabilities are not calibrated: no temperature was fitted. Thresholds were chosen on {on}."
        );
    }
    let temperatures: Vec<String> = one
        .temperatures
        .iter()
        .map(|one| format!("{:.3}", one.value))
        .collect();
    let but = if bare.is_empty() {
        String::new()
    } else {
        format!(
            " No temperature was fitted for {}: their probabilities are not calibrated.",
            bare.join(", ")
        )
    };
    format!(
        "Calibrated and chosen on {on}; temperature {}.{but}",
        temperatures.join(", ")
    )
}

fn contract(package: &Package) -> Section {
    let contract = &package.parts.contract;
    let rows = contract.limits.iter().map(|limit| {
        vec![
            limit.measure.clone(),
            limit.says.clone(),
            format!("{:.3}", limit.most),
            format!("{:.1} % of {} films", 100.0 * limit.quantile, limit.films),
        ]
    });
    let age = contract.least_age.map_or_else(
        || format!("Any age: {}.", contract.least_age_because),
        |age| {
            format!(
                "Patients of {age} years and over: {}.",
                contract.least_age_because
            )
        },
    );
    section(
        "Which films it answers",
        vec![
            Block::Text(format!(
                "Frontal films of the chest (PA or AP), in grey (channels differ by at most {:.0} %), with a short side of {} pixels or more. {age}",
                100.0 * contract.most_colour,
                contract.shortest_side
            )),
            Block::Text(format!(
                "A film is not answered where it is further from the training films than a limit; together the limits let {:.0} % of the validation films pass.",
                100.0 * contract.keep
            )),
            table(
                &["measure", "what it is", "limit", "validation films within"],
                rows.collect(),
            ),
        ],
    )
}

fn metrics(package: &Package) -> Section {
    let metrics = &package.parts.metrics;
    let mut blocks = Vec::new();
    for (name, evaluation) in [
        ("Test films, as trained", &metrics.test),
        (
            "Test films, with the package's temperatures and thresholds",
            &metrics.as_packaged,
        ),
    ] {
        if let Some(evaluation) = evaluation {
            blocks.extend(measured(name, evaluation, &[]));
        }
    }
    for (name, recorded) in &metrics.recorded {
        blocks.extend(measured(name, &recorded.evaluation, &recorded.notes));
    }
    let looks = package.parts.training.films().and_then(|films| films.looks);
    blocks.push(Block::Text(match looks {
        Some([looks, models]) => {
            format!("The test films were looked at {looks} times, by {models} different models, as far as is written down.")
        }
        None => "How often the test films were looked at is not known.".to_owned(),
    }));
    if blocks.len() == 1 {
        blocks.insert(0, Block::Text("Nothing was measured on test films.".to_owned()));
    }
    section("What it got", blocks)
}

fn measured(name: &str, evaluation: &Evaluation, notes: &[String]) -> Vec<Block> {
    let sources: Vec<String> = evaluation
        .sources
        .iter()
        .map(|source| format!("{} {}", source.dataset, source.films))
        .collect();
    let mut rows = Vec::new();
    let mut row = |what: &str, of: &Estimate| {
        if of.value.is_some() {
            rows.push(vec![what.to_owned(), of.cell()]);
        }
    };
    row("accuracy", &evaluation.overall.accuracy);
    row("mean area under the ROC curve", &evaluation.overall.macro_auc);
    row("Brier score", &evaluation.overall.brier);
    for finding in &evaluation.findings {
        row(
            &format!("{}: area under the ROC curve", finding.name),
            &finding.auc,
        );
        row(&format!("{}: sensitivity", finding.name), &finding.sensitivity);
        row(&format!("{}: specificity", finding.name), &finding.specificity);
    }
    for point in &evaluation.operating {
        row(
            &format!("{}: sensitivity at its threshold", point.finding),
            &point.sensitivity,
        );
        row(
            &format!("{}: specificity at its threshold", point.finding),
            &point.specificity,
        );
    }
    let mut out = vec![
        Block::Text(format!(
            "{name}: {} films of {} patients ({})",
            evaluation.films,
            evaluation.patients,
            sources.join(", ")
        )),
        table(&["measure", "value and interval"], rows),
    ];
    let warnings = evaluation.warnings.iter().map(ToString::to_string);
    for note in warnings.chain(notes.iter().cloned()) {
        out.push(Block::Text(format!("Beware: {note}")));
    }
    out
}

fn data(package: &Package) -> Section {
    let mut rows = Vec::new();
    for stage in &package.parts.training.stages {
        let Some(films) = &stage.films else {
            rows.push(vec![
                stage.name.clone(),
                "its manifest was not there when the package was made".to_owned(),
            ]);
            continue;
        };
        for dataset in &films.datasets {
            let known = |text: &String| {
                if text.is_empty() {
                    "not known".to_owned()
                } else {
                    text.clone()
                }
            };
            rows.push(vec![
                stage.name.clone(),
                format!("{} ({})", known(&dataset.title), dataset.name),
                dataset.films.to_string(),
                known(&dataset.licence),
                dataset.citation.clone(),
                dataset.overlaps.join(", "),
            ]);
        }
    }
    let mut blocks = vec![table(
        &[
            "stage",
            "data",
            "films",
            "licence",
            "to be cited as",
            "shares films with",
        ],
        rows,
    )];
    if let Some(films) = package.parts.training.films() {
        blocks.push(Block::Text(format!(
            "Digest of the test films: {}.",
            films.test_films
        )));
    }
    section("What it learnt from", blocks)
}

fn audit(package: &Package) -> Section {
    let Some(audit) = &package.parts.audit else {
        return section(
            "Audit",
            vec![Block::Text(
                "It was not searched for shortcuts (pleura audit), or not before it was packaged.".to_owned(),
            )],
        );
    };
    let of = |check: &Value, key: &str| {
        check
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let checks = audit.get("checks").and_then(Value::as_array);
    let rows = checks.into_iter().flatten().map(|check| {
        vec![
            of(check, "verdict").replace('_', " "),
            of(check, "name"),
            of(check, "says"),
        ]
    });
    section(
        "Audit",
        vec![
            Block::Text(format!("Verdict: {}.", of(audit, "verdict").replace('_', " "))),
            table(&["verdict", "check", "what was found"], rows.collect()),
        ],
    )
}

fn golden(package: &Package) -> Section {
    let about = &package.parts.golden.about;
    let rows = about.films.iter().map(|film| {
        let origin = match &film.origin {
            Origin::Phantom(_) => "a phantom, drawn",
            Origin::Named => "a film that the maker named",
        };
        vec![film.picture.clone(), origin.to_owned(), film.finding.clone()]
    });
    section(
        "Golden films",
        vec![
            Block::Text(format!(
                "Answered by {} on {}; equal to the bit there, elsewhere within {:.0e} (logits) and {:.0e} (heatmaps by {}).",
                about.software, about.path, about.logits_within, about.heatmaps_within, about.composite
            )),
            table(&["film", "origin", "answered"], rows.collect()),
        ],
    )
}

fn checklist(package: &Package) -> Vec<Section> {
    let card = &package.parts.card;
    let mut answered = Vec::new();
    let mut open = Vec::new();
    for item in &card.items {
        let mut said = Vec::new();
        said.extend(item.said.clone());
        said.extend(item.from_run.as_ref().map(|text| format!("From the run: {text}")));
        let row = vec![item.numbers(), item.question.clone(), said.join("\n")];
        if item.answered() {
            answered.push(row);
        } else {
            open.push(row[..2].to_vec());
        }
    }
    let count = format!(
        "{} of {} questions of TRIPOD+AI and CLAIM are answered.",
        answered.len(),
        card.items.len()
    );
    let mut out = vec![section(
        "Reporting items",
        vec![
            Block::Text(count),
            table(&["item", "question", "answer"], answered),
        ],
    )];
    if !open.is_empty() {
        out.push(section(
            "Unanswered",
            vec![
                Block::Text(
                    "Nobody has answered these; the absence of an answer is not a \"no\".".to_owned(),
                ),
                table(&["item", "question"], open),
            ],
        ));
    }
    out
}
