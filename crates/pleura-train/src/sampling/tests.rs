use std::collections::BTreeMap;

use pleura_manifest::Row;

use super::*;

/// Films of a class, a view and a source; the manifest and the training films.
fn films(groups: &[(usize, &str, &str, usize)]) -> (Manifest, Vec<(usize, usize)>) {
    let mut manifest = Manifest::new("", vec!["a".into(), "b".into(), "c".into()]);
    let mut films = Vec::new();
    for &(class, view, source, count) in groups {
        for _ in 0..count {
            films.push((class, manifest.rows.len()));
            manifest.rows.push(Row {
                view: view.to_owned(),
                dataset: source.to_owned(),
                ..Row::default()
            });
        }
    }
    (manifest, films)
}

fn sampler(balance: &[&str], max_repeat: f64, films: &(Manifest, Vec<(usize, usize)>)) -> Sampler {
    let sampling = Sampling {
        balance: balance.iter().map(|&name| name.to_owned()).collect(),
        max_repeat,
    };
    Sampler::new(&sampling, 3, &films.1, &films.0).unwrap()
}

#[test]
fn a_balanced_view_does_not_predict_the_class() {
    let films = films(&[
        (0, "AP", "x", 60),
        (0, "PA", "x", 20),
        (1, "AP Supine", "y", 10),
        (1, "PA", "y", 90),
        (2, "AP", "y", 35),
        (2, "PA", "y", 35),
    ]);
    let sampler = sampler(&["class", "view"], 20.0, &films);
    let [view] = &sampler.effect.attributes[..] else {
        panic!("{:?}", sampler.effect)
    };
    assert_eq!(view.values, ["AP", "PA"]);
    assert!(
        view.association > 0.4 && view.association_drawn < 1e-9,
        "{view:?}"
    );
    for share in &sampler.effect.class_shares {
        assert!((share - 1.0 / 3.0).abs() < 1e-9);
    }
    // Of class 1, each of 10 AP films stands for as much as 9 of the 90 PA films.
    assert!((sampler.expected[80] / sampler.expected[90] - 9.0).abs() < 1e-6);
    // Without "class", classes keep their shares.
    let kept = self::sampler(&["view"], 20.0, &films).effect;
    assert!((kept.class_shares[1] - 100.0 / 250.0).abs() < 1e-9, "{kept:?}");
}

#[test]
fn no_film_is_drawn_more_often_than_allowed_and_the_rest_is_shown() {
    // Class 2 has one film of view PA; class 0 has no film of source y.
    let films = films(&[
        (0, "AP", "x", 30),
        (1, "PA", "y", 200),
        (1, "AP", "x", 40),
        (2, "AP", "y", 99),
        (2, "PA", "x", 1),
    ]);
    let sampler = sampler(&["class", "view", "source"], 4.0, &films);
    assert!(sampler.effect.largest_repeat <= 4.0 + 1e-9);
    let sum: f64 = sampler.expected.iter().sum();
    assert!((sum - 370.0).abs() < 1e-6);
    let view = &sampler.effect.attributes[0];
    assert!(
        view.association_drawn > 0.1 && view.association_drawn < view.association,
        "{view:?}"
    );
    assert!(sampler.effect.effective_films < 370.0);
}

#[test]
fn an_epoch_draws_each_film_its_expected_number_of_times() {
    let films = films(&[(0, "AP", "x", 12), (1, "PA", "x", 100), (2, "AP", "x", 41)]);
    let sampler = sampler(&["class"], 10.0, &films);
    let rows: Vec<usize> = (1000..1153).collect();
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for epoch in 0..200 {
        let drawn = sampler.draw(&rows, 7, epoch);
        assert_eq!(drawn.len(), rows.len());
        assert_eq!(drawn, sampler.draw(&rows, 7, epoch));
        let mut own = vec![0; rows.len()];
        for row in drawn {
            own[row - 1000] += 1;
            *counts.entry(row).or_default() += 1;
        }
        for (&count, expected) in own.iter().zip(&sampler.expected) {
            let count = f64::from(count);
            assert!(
                count >= expected.floor() && count <= expected.ceil(),
                "{count} of {expected}"
            );
        }
    }
    assert_ne!(sampler.draw(&rows, 7, 0), sampler.draw(&rows, 7, 1));
    // 153 draws shared by three classes: 4.25 draws of each film of class 0.
    let of_first = counts.range(1000..1012).map(|(_, count)| count).sum::<usize>();
    assert!((of_first as f64 / 200.0 - 51.0).abs() < 0.5, "{of_first}");
}

#[test]
fn an_attribute_that_is_not_there_is_named() {
    let films = films(&[(0, "AP", "x", 2), (1, "PA", "x", 2), (2, "AP", "x", 2)]);
    let sampling = Sampling {
        balance: vec!["scanner".into()],
        max_repeat: 8.0,
    };
    let error = Sampler::new(&sampling, 3, &films.1, &films.0).unwrap_err();
    assert!(
        error.contains("\"scanner\"") && error.contains("source, view"),
        "{error}"
    );
}
