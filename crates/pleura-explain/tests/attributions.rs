//! Attributions and scores as captum, Quantus, scikit-image and `SciPy` compute them:
//! `golden/attributions/make.py` made the files and says how.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../pleura-nn/tests/golden/mod.rs"]
mod golden;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use golden::{architecture, input, relative_error, weights};
use pleura_explain::method::{Options, Windows};
use pleura_explain::score::{
    Film, Flips, Settings, mass_accuracy, points_inside, rank_accuracy, rank_correlation,
    structural_similarity,
};
use pleura_explain::{Account, Fill, Method, Start};
use pleura_nn::backend::Backend;
use pleura_nn::{Cpu, Network, Reference, Weights};
use safetensors::SafeTensors;

const SIDE: usize = 33;

fn read(case: &str) -> BTreeMap<String, Vec<f64>> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/attributions/{case}.safetensors"));
    let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let numbers = file.tensors().into_iter().map(|(name, view)| {
        let values = view.data().as_chunks::<8>().0.iter();
        (name, values.map(|bytes| f64::from_le_bytes(*bytes)).collect())
    });
    numbers.collect()
}

fn network() -> Weights {
    let mut weights = weights(&architecture("tiny"), 3);
    weights.findings = ["a", "b", "c"].map(str::to_owned).to_vec();
    weights
}

/// Why b rather than c.
fn start() -> Start {
    Start::Difference("b".into(), "c".into())
}

fn integrated(baseline: Fill) -> Method {
    Method::IntegratedGradients { baseline, steps: 12 }
}

/// A method's values on a backend: for each channel where it tells them apart.
fn values<B: Backend>(backend: B, method: &Method) -> Vec<f64> {
    let network = Network::new(backend, &network()).unwrap();
    let found = method
        .explain(&network, &input(1, SIDE), SIDE, &[start()])
        .unwrap();
    let map = &found.maps[0];
    assert!((map.value - (found.logits[1] - found.logits[2])).abs() < 1e-6);
    let values = map.raw.as_ref().unwrap_or(&map.heatmap);
    values.iter().map(|&value| f64::from(value)).collect()
}

#[test]
fn attributions_are_captums() {
    let golden = read("attributions");
    let grey = Method::Occlusion(Windows {
        side: Some(7),
        stride: Some(5),
        fill: Fill::Grey,
    });
    let methods = [
        ("gradient-x-input", Method::GradientTimesInput),
        ("integrated-gradients, black", integrated(Fill::Black)),
        ("integrated-gradients, grey", integrated(Fill::Grey)),
        ("grad-cam", Method::GradCam),
        ("occlusion, grey", grey),
    ];
    assert_eq!(golden.len(), methods.len() + 1);
    for (name, method) in methods {
        // A heatmap's values are kept in single precision.
        let exact = relative_error(&values(Reference, &method), &golden[name]);
        assert!(exact < 1e-6, "{name}: {exact:e} from captum's in f64");
        let fast = relative_error(&values(Cpu::new(), &method), &golden[name]);
        assert!(fast < 1e-3, "{name}: {fast:e} from captum's in f32");
    }
}

#[test]
fn gradient_times_input_is_lrp_0_and_lrp_flex_without_epsilon() {
    let options = Options {
        flex_epsilon: 0.0,
        ..Options::default()
    };
    let of = |name: &str| values(Reference, &Method::find(name, &options).unwrap());
    let gradient = of("gradient-x-input");
    for name in ["lrp-0", "lrp-flex"] {
        let error = relative_error(&of(name), &gradient);
        assert!(error < 1e-6, "{name}: {error:e}");
    }
}

#[test]
fn integrated_gradients_add_up_to_what_the_baseline_lacks() {
    let network = Network::new(Reference, &network()).unwrap();
    let film = input(1, SIDE);
    for baseline in Fill::ALL {
        let open = |steps: usize| {
            let method = Method::IntegratedGradients { baseline, steps };
            let found = method.explain(&network, &film, SIDE, &[start()]).unwrap();
            let map = &found.maps[0];
            let Account::Baseline { baseline: at, pixels } = map.account else {
                panic!("{:?}", map.account)
            };
            let begin = network.infer(&baseline.film(&film, SIDE), 1, SIDE).unwrap();
            assert!((at - (begin[1] - begin[2])).abs() < 1e-12);
            let sum: f64 = map.heatmap.iter().map(|&value| f64::from(value)).sum();
            assert!((sum - pixels).abs() < 1e-5);
            (map.account.open(map.value).unwrap().abs(), (map.value - at).abs())
        };
        let ((few, _), (many, moved)) = (open(4), open(400));
        assert!(
            many < 2e-2 * moved && many < few,
            "{baseline}: {few:e}, {many:e} of {moved}"
        );
    }
}

#[test]
fn every_method_says_the_same_of_two_questions_as_of_each() {
    let network = Network::new(Cpu::new(), &network()).unwrap();
    let film = input(1, SIDE);
    let options = Options {
        steps: 9,
        ..Options::default()
    };
    let starts = [
        Start::Logit("a".into()),
        start(),
        Start::Threshold {
            finding: "c".into(),
            probability: 0.2,
            temperature: 1.5,
        },
    ];
    for name in pleura_explain::method::NAMES {
        let method = Method::find(name, &options).unwrap();
        let all = method.explain(&network, &film, SIDE, &starts).unwrap();
        for (number, map) in all.maps.iter().enumerate() {
            let alone = method
                .explain(&network, &film, SIDE, &starts[number..=number])
                .unwrap();
            assert_eq!(&alone.maps[0], map, "{name}");
            assert_eq!(map.raw.is_some(), method.has_channels(), "{name}");
            assert!(map.heatmap.iter().all(|value| value.is_finite()), "{name}");
        }
        // A threshold moves what is asked, and no pixel.
        let logit = method
            .explain(&network, &film, SIDE, &[Start::Logit("c".into())])
            .unwrap();
        let apart = logit.maps[0].value - all.maps[2].value;
        assert!((apart - 1.5 * (0.2f64 / 0.8).ln()).abs() < 1e-6, "{name}");
        let pixels = logit.maps[0].heatmap.iter().zip(&all.maps[2].heatmap);
        assert!(
            pixels.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) < 1e-5,
            "{name}"
        );
    }
}

#[test]
fn options_that_cannot_be_are_refused_with_what_would_be_right() {
    let refused = |name: &str, options: Options| Method::find(name, &options).unwrap_err().to_string();
    let with = Options::default;
    let wrong = Options { steps: 0, ..with() };
    assert!(refused("integrated-gradients", wrong).contains("at least 1 step"));
    let wrong = Options {
        window: Some(4),
        stride: Some(5),
        ..with()
    };
    assert!(refused("occlusion", wrong).contains("a stride of at most 4"));
    let wrong = Options {
        flex_epsilon: -1.0,
        ..with()
    };
    assert!(refused("lrp-flex", wrong).contains("from 0 on"));
    let unknown = refused("gradcam", with());
    assert!(
        unknown.contains("lrp-0") && unknown.contains("grad-cam"),
        "{unknown}"
    );
    let network = Network::new(Cpu::new(), &network()).unwrap();
    let wide = Options {
        window: Some(SIDE + 1),
        ..with()
    };
    let wide = Method::find("occlusion", &wide).unwrap();
    let error = wide
        .explain(&network, &input(1, SIDE), SIDE, &[start()])
        .unwrap_err();
    assert!(error.to_string().contains("a window of at most 33"), "{error}");
}

#[test]
fn scores_are_those_of_quantus_scikit_image_and_scipy() {
    let golden = read("scores");
    let map = |name: &str| -> Vec<f32> { golden[name].iter().map(|&value| value as f32).collect() };
    let (first, second) = (map("first"), map("second"));

    let network = Network::new(Reference, &network()).unwrap();
    let grey = input(1, SIDE);
    let settings = Settings {
        patch: 1,
        flips: SIDE,
        fill: Fill::Black,
        ..Settings::default()
    };
    let film = Film {
        name: "film",
        grey: &grey,
        size: SIDE,
        masks: &[],
    };
    let flips = Flips::new(&film, &settings);
    let logits = flips.logits(&network, &flips.order(&first, 0, "film")).unwrap();
    // Quantus's curve begins behind the first step.
    let curve: Vec<f64> = logits[1..].iter().map(|logits| logits[1] - logits[2]).collect();
    let error = relative_error(&curve, &golden["flipping"]);
    assert!(error < 1e-9, "pixel flipping: {error:e}");

    let mask: Vec<bool> = (0..SIDE * SIDE)
        .map(|place| {
            let (row, column) = ((place / SIDE) as i32, (place % SIDE) as i32);
            (row - 12).pow(2) + (column - 8).pow(2) < 64
        })
        .collect();
    let [mass, rank, pointing] = golden["localisation"][..] else {
        panic!("three numbers")
    };
    assert!((mass_accuracy(&first, &mask) - mass).abs() < 1e-12);
    assert!((rank_accuracy(&first, &mask) - rank).abs() < 1e-12);
    assert_eq!(points_inside(&first, &mask), pointing > 0.5);
    let [correlation, structure] = golden["similarity"][..] else {
        panic!("two numbers")
    };
    assert!((rank_correlation(&first, &second) - correlation).abs() < 1e-12);
    assert!((structural_similarity(&first, &second, SIDE) - structure).abs() < 1e-12);
}
