use std::collections::{BTreeMap, HashMap, HashSet};

use super::*;
use crate::PIXELS;
use crate::{Label, Row};

/// `patients` of (dataset, films, class of each film), one finding a class.
fn manifest(patients: &[(&str, &[usize])], classes: usize) -> Manifest {
    let mut manifest = Manifest::new("", (0..classes).map(|class| format!("class {class}")).collect());
    for (number, (dataset, films)) in patients.iter().enumerate() {
        for (film, &class) in films.iter().enumerate() {
            let name = format!("{dataset}-{number}-{film}");
            manifest.rows.push(Row {
                sha256: pleura_core::sha256::hex(name.as_bytes()),
                path: format!("{name}.png").into(),
                film: name,
                dataset: (*dataset).to_string(),
                patient: format!("{dataset}-{number}"),
                labels: (0..classes)
                    .map(|c| {
                        if c == class {
                            Label::Positive
                        } else {
                            Label::Negative
                        }
                    })
                    .collect(),
                ..Row::default()
            });
        }
    }
    manifest
}

/// Like the real three-class set: many patients of one film, some of many, one class bound to one dataset.
fn uneven() -> Manifest {
    let mut patients: Vec<(&str, Vec<usize>)> = Vec::new();
    for number in 0..300_usize {
        let films = match number % 30 {
            0 => 12,
            1..=5 => 3,
            _ => 1,
        };
        patients.push(("nih", (0..films).map(|film| (number + film) % 2).collect()));
    }
    patients.extend((0..60).map(|number| ("cohen", vec![2; 1 + number % 3])));
    let borrowed: Vec<(&str, &[usize])> = patients
        .iter()
        .map(|(dataset, films)| (*dataset, films.as_slice()))
        .collect();
    manifest(&borrowed, 3)
}

fn patients_of(manifest: &Manifest, split: Split) -> HashSet<&str> {
    manifest
        .split(split)
        .into_iter()
        .map(|row| manifest.rows[row].patient.as_str())
        .collect()
}

#[test]
fn no_patient_is_in_two_splits_and_every_film_is_in_one() {
    for seed in 0..20 {
        let mut manifest = uneven();
        split(
            &mut manifest,
            &SplitOptions {
                seed,
                ..SplitOptions::default()
            },
        )
        .unwrap();
        assert!(manifest.rows.iter().all(|row| row.split.is_some()));
        let sets = Split::ALL.map(|split| patients_of(&manifest, split));
        assert!(
            sets[0].is_disjoint(&sets[1]) && sets[0].is_disjoint(&sets[2]) && sets[1].is_disjoint(&sets[2])
        );
    }
}

#[test]
fn each_class_of_each_dataset_is_shared_in_the_wanted_parts() {
    for seed in 0..20 {
        let mut manifest = uneven();
        let counts = split(
            &mut manifest,
            &SplitOptions {
                seed,
                ..SplitOptions::default()
            },
        )
        .unwrap();
        for (dataset, class) in [("nih", "class 0"), ("nih", "class 1"), ("cohen", "class 2")] {
            let films = |split: &str| counts.positives[split][dataset][class] as f64;
            let total: f64 = ["train", "val", "test"].map(films).iter().sum();
            for (split, part) in [("train", 0.70), ("val", 0.15), ("test", 0.15)] {
                let share = films(split) / total;
                assert!(
                    (share - part).abs() < 0.04,
                    "seed {seed}: {share:.3} of {dataset}, {class} in {split}"
                );
            }
        }
    }
}

#[test]
fn small_sets_of_many_strata_still_fill_every_split() {
    // 24 films of ten patients in four datasets: most strata have fewer films than a split wants of them.
    let films: [(&str, &[usize]); 10] = [
        ("a", &[0, 0, 0]),
        ("a", &[1, 1]),
        ("b", &[1, 1, 1]),
        ("b", &[1, 1]),
        ("b", &[1, 1, 1]),
        ("c", &[0, 0]),
        ("c", &[0, 0]),
        ("d", &[0, 0]),
        ("d", &[0, 0]),
        ("d", &[1, 1, 1]),
    ];
    let mut train_of_a = 0;
    for seed in 0..40 {
        let mut manifest = manifest(&films, 2);
        let counts = split(
            &mut manifest,
            &SplitOptions {
                seed,
                ..SplitOptions::default()
            },
        )
        .unwrap();
        let [train, validation, test] = ["train", "val", "test"].map(|split| counts.films[split]);
        assert!(
            (14..=20).contains(&train) && validation >= 2 && test >= 2,
            "seed {seed}: {train}, {validation}, {test}"
        );
        train_of_a += usize::from(manifest.rows[0].split == Some(Split::Train));
    }
    assert!(
        (20..40).contains(&train_of_a),
        "a rare stratum's only patient is in training in {train_of_a} of 40"
    );
}

#[test]
fn many_findings_a_film_are_shared_too() {
    let mut manifest = uneven();
    manifest.findings = (0..15).map(|finding| format!("finding {finding}")).collect();
    for (number, row) in manifest.rows.iter_mut().enumerate() {
        // From a quarter of the films to a hundredth, overlapping.
        let has = |finding: usize| (number * 7 + finding * 3).is_multiple_of(4 + finding * 7);
        row.labels = (0..15)
            .map(|finding| {
                if has(finding) {
                    Label::Positive
                } else {
                    Label::Negative
                }
            })
            .collect();
    }
    for seed in 0..10 {
        let counts = split(
            &mut manifest,
            &SplitOptions {
                seed,
                ..SplitOptions::default()
            },
        )
        .unwrap();
        let total = manifest.rows.len() as f64;
        assert!(
            (counts.films["test"] as f64 / total - 0.15).abs() < 0.02,
            "{:?}",
            counts.films
        );
        for finding in &manifest.findings {
            let films = |split: &str| {
                counts.positives[split]
                    .values()
                    .map(|of| of[finding])
                    .sum::<usize>() as f64
            };
            let total = films("train") + films("val") + films("test");
            let error = (films("test") - 0.15 * total).abs();
            assert!(
                error <= 2.0 + 0.07 * total,
                "seed {seed}: {} of {total} with {finding} in test",
                films("test")
            );
        }
    }
}

#[test]
fn the_seed_names_the_split() {
    let splits = |seed| {
        let mut manifest = uneven();
        split(
            &mut manifest,
            &SplitOptions {
                seed,
                ..SplitOptions::default()
            },
        )
        .unwrap();
        manifest.rows.iter().map(|row| row.split).collect::<Vec<_>>()
    };
    assert_eq!(splits(1), splits(1));
    assert_ne!(splits(1), splits(2));
}

#[test]
fn patients_of_many_films_get_into_every_split() {
    let mut seen: HashMap<Split, usize> = HashMap::new();
    for seed in 0..20 {
        let mut manifest = uneven();
        split(
            &mut manifest,
            &SplitOptions {
                seed,
                ..SplitOptions::default()
            },
        )
        .unwrap();
        let mut films: BTreeMap<&str, (usize, Option<Split>)> = BTreeMap::new();
        for row in &manifest.rows {
            let entry = films.entry(row.patient.as_str()).or_insert((0, row.split));
            entry.0 += 1;
        }
        for (_, split) in films.values().filter(|(films, _)| *films == 12) {
            *seen.entry(split.unwrap()).or_default() += 1;
        }
    }
    // 20 seeds × 10 such patients: about 140, 30 and 30.
    assert!(seen[&Split::Validation] > 8 && seen[&Split::Test] > 8, "{seen:?}");
}

#[test]
fn identical_films_bind_their_patients_together() {
    let mut manifest = uneven();
    manifest.notes = vec![PIXELS.into()];
    for (number, row) in manifest.rows.iter_mut().enumerate() {
        row.notes = vec![format!("pixels {number}")];
    }
    let last = manifest.rows.len() - 1;
    manifest.rows[last].notes = manifest.rows[0].notes.clone();
    manifest.rows[last - 40].sha256 = manifest.rows[20].sha256.clone();
    for seed in 0..10 {
        split(
            &mut manifest,
            &SplitOptions {
                seed,
                ..SplitOptions::default()
            },
        )
        .unwrap();
        assert_eq!(manifest.rows[last].split, manifest.rows[0].split);
        assert_eq!(manifest.rows[last - 40].split, manifest.rows[20].split);
    }
}

#[test]
fn a_balanced_test_has_as_many_films_of_each_class() {
    for seed in 0..5 {
        let mut manifest = uneven();
        let options = SplitOptions {
            seed,
            balanced_test: Some(20),
            ..SplitOptions::default()
        };
        let counts = split(&mut manifest, &options).unwrap();
        let test = &counts.positives["test"];
        assert_eq!(test["nih"]["class 0"], 20);
        assert_eq!(test["nih"]["class 1"], 20);
        assert_eq!(test["cohen"]["class 2"], 20);
        assert!(patients_of(&manifest, Split::Test).is_disjoint(&patients_of(&manifest, Split::Train)));
        assert!(counts.films["val"] > 0);
    }
    let too_many = SplitOptions {
        balanced_test: Some(5000),
        ..SplitOptions::default()
    };
    let message = split(&mut uneven(), &too_many).unwrap_err().to_string();
    assert!(message.contains("films in all"), "{message}");
    let mut pairs = manifest(
        &[("a", &[0, 0]), ("b", &[1, 1]), ("c", &[0, 0]), ("d", &[1, 1])],
        2,
    );
    let odd = SplitOptions {
        balanced_test: Some(1),
        ..SplitOptions::default()
    };
    let message = split(&mut pairs, &odd).unwrap_err().to_string();
    assert!(message.contains("whole patients"), "{message}");
}

#[test]
fn official_lists_decide_and_validation_comes_from_training_by_patient() {
    let mut manifest = uneven();
    manifest.notes = vec![OFFICIAL_SPLIT.into()];
    for row in &mut manifest.rows {
        let number: usize = row.patient.rsplit('-').next().unwrap().parse().unwrap();
        let word = match (row.dataset.as_str(), number % 4) {
            ("cohen", _) => "",
            (_, 0) => "test",
            _ => "train_val",
        };
        row.notes = vec![word.into()];
    }
    let options = SplitOptions {
        by: SplitBy::Official,
        ..SplitOptions::default()
    };
    let counts = split(&mut manifest, &options).unwrap();
    for row in manifest.rows.iter().filter(|row| row.dataset == "nih") {
        assert_eq!(
            row.split == Some(Split::Test),
            row.notes[0] == "test",
            "{}",
            row.film
        );
    }
    assert!(
        counts.positives["val"]["nih"]["class 0"] > 0 && counts.positives["test"]["cohen"]["class 2"] > 0
    );
    assert!(patients_of(&manifest, Split::Validation).is_disjoint(&patients_of(&manifest, Split::Train)));

    let row = manifest
        .rows
        .iter()
        .position(|row| row.film == "nih-0-0")
        .unwrap();
    manifest.rows[row].notes[0] = "train_val".into();
    let message = split(&mut manifest, &options).unwrap_err().to_string();
    assert!(
        message.contains("nih-0") && message.contains("in two splits"),
        "{message}"
    );
    let message = split(&mut uneven(), &options).unwrap_err().to_string();
    assert!(message.contains("no film is on an official list"), "{message}");
}

#[test]
fn a_validation_list_of_one_dataset_is_no_other_datasets() {
    let mut manifest = uneven();
    manifest.notes = vec![OFFICIAL_SPLIT.into()];
    for row in &mut manifest.rows {
        let number: usize = row.patient.rsplit('-').next().unwrap().parse().unwrap();
        let word = match (row.dataset.as_str(), number % 4) {
            (_, 0) => "test",
            ("cohen", 1) => "val",
            _ => "train",
        };
        row.notes = vec![word.into()];
    }
    // One film of cohen's training list is one of nih's: cohen's list has decided.
    let place = |manifest: &Manifest, dataset: &str| {
        let of = |row: &Row| row.dataset == dataset && row.notes[0] == "train";
        manifest.rows.iter().position(of).unwrap()
    };
    let [nih, cohen] = ["nih", "cohen"].map(|dataset| place(&manifest, dataset));
    manifest.rows[nih].sha256 = manifest.rows[cohen].sha256.clone();
    let options = SplitOptions {
        by: SplitBy::Official,
        ..SplitOptions::default()
    };
    split(&mut manifest, &options).unwrap();
    let mut validation = 0;
    for row in &manifest.rows {
        let expected = match row.notes[0].as_str() {
            "test" => Some(Split::Test),
            "val" => Some(Split::Validation),
            _ if row.dataset == "cohen" => Some(Split::Train),
            _ => {
                validation += usize::from(row.split == Some(Split::Validation));
                continue;
            }
        };
        assert_eq!(row.split, expected, "{}", row.film);
    }
    assert!(
        validation > 0,
        "nih has no validation list, and gets one from training"
    );
    assert_eq!(manifest.rows[nih].split, Some(Split::Train));
}

#[test]
fn parts_are_checked_and_may_be_zero() {
    for fractions in [[0.0, 0.5, 0.5], [0.7, -0.1, 0.4], [f64::NAN, 0.1, 0.1]] {
        assert!(
            split(
                &mut uneven(),
                &SplitOptions {
                    fractions,
                    ..SplitOptions::default()
                }
            )
            .is_err()
        );
    }
    let mut manifest = uneven();
    let counts = split(
        &mut manifest,
        &SplitOptions {
            fractions: [8.0, 2.0, 0.0],
            ..SplitOptions::default()
        },
    )
    .unwrap();
    assert_eq!(counts.films["test"], 0);
    let share = counts.films["train"] as f64 / manifest.rows.len() as f64;
    assert!((share - 0.8).abs() < 0.02, "{share}");
    assert_eq!(counts.changed, 0);
    assert!(split(&mut manifest, &SplitOptions::default()).unwrap().changed > 0);
}

#[test]
fn an_empty_manifest_and_a_single_patient_are_no_trouble() {
    assert_eq!(
        split(&mut Manifest::new("", vec![]), &SplitOptions::default())
            .unwrap()
            .films["train"],
        0
    );
    let mut one = manifest(&[("a", &[0, 0, 0])], 1);
    split(&mut one, &SplitOptions::default()).unwrap();
    assert_eq!(patients_of(&one, Split::Train).len(), 1);
}
