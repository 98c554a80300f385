//! Scores of heatmaps as a whole: that each measure tells good from bad, and that the same seed gives the
//! same numbers.

#![allow(clippy::unwrap_used, reason = "tests")]

use pleura_explain::score::{Film, Measure, Score, Scorer, Settings};
use pleura_explain::{Composite, Explanation, Method, Start};
use pleura_nn::weights::Normalisation;
use pleura_nn::{Architecture, Cpu, Network, Weights};

const SIZE: usize = 48;

fn network() -> Network {
    let findings = ["a", "b", "c"].map(str::to_owned);
    let small = Architecture::by_name("small").unwrap();
    let weights = Weights::initialise(&small, &findings, Normalisation::IMAGENET, 5);
    Network::new(Cpu::new(), &weights).unwrap()
}

fn grey() -> Vec<f32> {
    let level = |at: usize| {
        let (row, column) = (at / SIZE, at % SIZE);
        let disc = row.abs_diff(15).pow(2) + column.abs_diff(30).pow(2) < 70;
        0.3 + 0.4 * f32::from(u8::from(disc)) + (at * 31 % 97) as f32 / 970.0
    };
    (0..SIZE * SIZE).map(level).collect()
}

fn settings(measures: &[Measure]) -> Settings {
    Settings {
        measures: measures.to_vec(),
        flips: 12,
        orders: 3,
        noises: 3,
        ..Settings::default()
    }
}

fn explained(network: &Network, method: &Method) -> Explanation {
    method
        .explain(network, &grey(), SIZE, &[Start::Logit("b".into())])
        .unwrap()
}

fn scores(network: &Network, method: &Method, explanation: &Explanation, settings: Settings) -> Vec<Score> {
    let scorer = Scorer::new(network, settings, Cpu::new).unwrap();
    let grey = grey();
    let masks = [("lesion".to_owned(), grey.iter().map(|&grey| grey > 0.6).collect())];
    let film = Film {
        name: "film",
        grey: &grey,
        size: SIZE,
        masks: &masks,
    };
    let mut scored = scorer.film(film).unwrap();
    scored.score(method, &explanation.maps[0]).unwrap()
}

fn value(scores: &[Score], key: &str) -> f64 {
    let score = scores.iter().find(|score| score.key == key);
    score.unwrap_or_else(|| panic!("{key} of {scores:?}")).value
}

#[test]
fn what_an_answer_hangs_on_is_flipped_first_by_a_good_map_and_last_by_its_opposite() {
    let network = network();
    let method = Method::Composite(Composite::by_name("lrp-0").unwrap());
    let good = explained(&network, &method);
    let mut bad = good.clone();
    for value in &mut bad.maps[0].heatmap {
        *value = -*value;
    }
    let of = |map: &Explanation| scores(&network, &method, map, settings(&[Measure::Flipping]));
    let (good, bad) = (of(&good), of(&bad));
    assert_eq!(value(&good, "flipping.random"), value(&bad, "flipping.random"));
    assert!(value(&good, "flipping.gain") > 0.0, "{good:?}");
    assert!(value(&bad, "flipping.gain") < 0.0, "{bad:?}");
}

#[test]
fn every_measure_of_every_method_is_there_and_repeats() {
    let network = network();
    for name in ["lrp-0", "grad-cam", "lrp-flex"] {
        let method = Method::find(name, &pleura_explain::method::Options::default()).unwrap();
        let map = explained(&network, &method);
        let all = scores(&network, &method, &map, settings(&Measure::ALL));
        assert_eq!(
            all,
            scores(&network, &method, &map, settings(&Measure::ALL)),
            "{name}"
        );
        for key in [
            "flipping.gain",
            "mass.lesion",
            "rank.lesion",
            "pointing.lesion",
            "area.lesion",
            "randomisation.rank",
            "randomisation.ssim",
            "random-logit.rank",
            "random-logit.ssim",
            "sensitivity.max",
            "sensitivity.mean",
        ] {
            assert!(value(&all, key).is_finite(), "{name}: {key}");
        }
        assert!(value(&all, "sensitivity.max") >= value(&all, "sensitivity.mean"));
        let other = Settings {
            seed: 1,
            ..settings(&[Measure::Flipping])
        };
        let other = scores(&network, &method, &map, other);
        assert_ne!(value(&other, "flipping.random"), value(&all, "flipping.random"));
        assert_eq!(other.len(), 3, "what is not asked is not measured");
    }
}

#[test]
fn a_map_that_does_not_look_at_the_network_fails_randomisation() {
    let network = network();
    let mut cascade = Vec::new();
    for name in ["lrp-0", "gradient-x-input"] {
        let method = Method::find(name, &pleura_explain::method::Options::default()).unwrap();
        let map = explained(&network, &method);
        cascade.push(scores(
            &network,
            &method,
            &map,
            settings(&[Measure::Randomisation]),
        ));
    }
    // The same map by two ways; the last step has nothing left of the network.
    let (lrp, gradient) = (&cascade[0], &cascade[1]);
    assert!((value(lrp, "randomisation.rank") - value(gradient, "randomisation.rank")).abs() < 1e-3);
    assert!(value(lrp, "randomisation.rank.stem") < 0.9);
    let groups: Vec<&str> = lrp[2..].iter().map(|score| score.key.as_str()).collect();
    assert_eq!(
        (groups[0], groups.last()),
        ("randomisation.rank.head", Some(&"randomisation.rank.stem"))
    );
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let network = network();
    for (settings, word) in [
        (
            Settings {
                noise: 0.0,
                ..Settings::default()
            },
            "noise is 0",
        ),
        (
            Settings {
                flip_share: 1.5,
                ..Settings::default()
            },
            "at most 1",
        ),
        (
            Settings {
                patch: 0,
                ..Settings::default()
            },
            "at least 1",
        ),
    ] {
        let error = Scorer::new(&network, settings, Cpu::new).err().unwrap();
        assert!(error.to_string().contains(word), "{error}");
    }
}
