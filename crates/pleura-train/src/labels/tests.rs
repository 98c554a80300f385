use std::path::Path;

use pleura_manifest::Row;

use super::*;
use pleura_run::recipe::Recipe;

fn stage(text: &str) -> Stage {
    let text = format!(
        "architecture = \"small\"\n[[stage]]\nname = \"s\"\nmanifest = \"m.csv\"\nepochs = 1\n{text}"
    );
    Recipe::parse(&text, Path::new("r.toml"))
        .unwrap()
        .stages
        .remove(0)
}

/// Films with labels in the columns No Finding, Pneumonia, Consolidation, COVID-19; `u` uncertain, `.`
/// unknown.
fn manifest(rows: &[&str]) -> Manifest {
    let names = ["No Finding", "Pneumonia", "Consolidation", "COVID-19"]
        .map(String::from)
        .to_vec();
    let mut manifest = Manifest::new("", names);
    for (index, labels) in rows.iter().enumerate() {
        let labels = labels.chars().map(|c| match c {
            '1' => Label::Positive,
            '0' => Label::Negative,
            'u' => Label::Uncertain,
            _ => Label::Unknown,
        });
        manifest.rows.push(Row {
            film: format!("f{index}"),
            patient: format!("p{}", index / 2),
            split: Some(Split::Train),
            labels: labels.collect(),
            ..Row::default()
        });
    }
    manifest
}

const THREE: &str = "kind = \"exclusive\"\nfindings = [\"COVID-19\", \"pneumonia\", \"normal\"]\n\
    [stage.columns]\nnormal = [\"No Finding\"]\npneumonia = [\"Pneumonia\", \"Consolidation\"]\n";

#[test]
fn exclusive_classes_come_from_columns_and_the_rest_is_counted() {
    let stage = stage(THREE);
    let manifest = manifest(&["1000", "0100", "0010", "0001", "0101", "0000", "010u", "u..."]);
    let labels = Labels::new(&stage, stage.findings.as_ref().unwrap(), &manifest).unwrap();
    let rows = labels.rows(&manifest, Split::Train);
    assert_eq!(rows, [0, 1, 2, 3]);
    assert_eq!(labels.targets(&rows), Targets::Classes(vec![2, 1, 1, 0]));
    assert_eq!(labels.truth(&[3, 4]), Truth::Exclusive(vec![Some(0), None]));
    let counts = labels.count(&manifest, Split::Train);
    assert_eq!((counts.films, counts.patients), (4, 2));
    let expected = [
        (Exclusion::NoClass, 1),
        (Exclusion::SeveralClasses, 1),
        (Exclusion::UncertainClass, 2),
    ];
    assert_eq!(counts.excluded, expected.into());
    assert_eq!(
        counts
            .findings
            .iter()
            .map(|count| count.positive)
            .collect::<Vec<_>>(),
        [1, 2, 1]
    );
    assert_eq!(class_weights(&stage.class_weights, &counts).unwrap(), [1.0; 3]);
    let balanced = class_weights(&Weighting::Word(WeightingWord::Balanced), &counts).unwrap();
    assert_eq!(balanced, [4.0 / 3.0, 2.0 / 3.0, 4.0 / 3.0]);
}

#[test]
fn uncertain_labels_follow_the_policy() {
    let manifest = manifest(&["u10."]);
    for (policy, expected) in [("ignore", None), ("zeros", Some(false)), ("ones", Some(true))] {
        let stage = stage(&format!("kind = \"independent\"\nuncertain = \"{policy}\""));
        let labels = Labels::new(&stage, &manifest.findings, &manifest).unwrap();
        assert_eq!(
            labels.targets(&[0]),
            Targets::Findings(vec![expected, Some(true), Some(false), None])
        );
    }
}

#[test]
fn independent_findings_need_one_known_label() {
    let stage = stage("kind = \"independent\"");
    let manifest = manifest(&["....", "0.1.", "1..0"]);
    let labels = Labels::new(&stage, &manifest.findings, &manifest).unwrap();
    assert_eq!(labels.rows(&manifest, Split::Train), [1, 2]);
    let counts = labels.count(&manifest, Split::Train);
    assert_eq!(counts.excluded, [(Exclusion::NothingKnown, 1)].into());
    let first = &counts.findings[0];
    assert_eq!((first.positive, first.negative, first.unknown), (1, 1, 0));
    let problem = positive_weights(&Weighting::Word(WeightingWord::Balanced), &counts).unwrap_err();
    assert!(problem.contains("Pneumonia"), "{problem}");
}

#[test]
fn a_missing_column_is_named_with_those_there_are() {
    let stage = stage("kind = \"exclusive\"\nfindings = [\"COVID-19\", \"healthy\"]");
    let problem = Labels::new(&stage, stage.findings.as_ref().unwrap(), &manifest(&[])).unwrap_err();
    assert!(
        problem.contains("healthy") && problem.contains("No Finding"),
        "{problem}"
    );
}
