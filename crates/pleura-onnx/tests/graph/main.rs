//! What is written can be read, and answers and explains as the engine does: graphs are read by another
//! library and run here in double precision. `cargo xtask onnx` asks runtimes that we did not write.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod proto;
mod run;
mod tensor;

use std::collections::{BTreeMap, BTreeSet};

use pleura_nn::architecture::{Stem, Window};
use pleura_nn::relevance::{Bias, Rule, Start};
use pleura_nn::weights::Normalisation;
use pleura_nn::{Architecture, Network, Norm, Reference, Rules, Weights};
use pleura_onnx::{Batch, Export, Heatmap, Probabilities, Question, export};
use prost::Message as _;
use proto::ModelProto;
use tensor::Tensor;

const EPSILON: f64 = 1e-6;

fn plus_flat() -> Rules {
    Rules::new(Rule::Flat, Rule::Plus { epsilon: EPSILON }, EPSILON)
}

/// Composites with names, and choices that show more: every ε another and large enough to be seen; none at
/// all.
fn composites() -> Vec<(&'static str, Rules)> {
    let epsilon = |epsilon| Rule::Epsilon { epsilon };
    let alpha_beta = |alpha, beta, epsilon| Rule::AlphaBeta { alpha, beta, epsilon };
    let gamma = |gamma, epsilon| Rule::Gamma { gamma, epsilon };
    let boxed = |epsilon| Rule::Box { epsilon };
    let rules = |first, convolution, [linear, norm, pool]: [f64; 3]| Rules {
        linear: epsilon(linear),
        norm: epsilon(norm),
        ..Rules::new(first, convolution, pool)
    };
    vec![
        ("epsilon-plus-flat", plus_flat()),
        (
            "epsilon-alpha2-beta1-flat",
            rules(Rule::Flat, alpha_beta(2.0, 1.0, EPSILON), [EPSILON; 3]),
        ),
        (
            "epsilon-gamma-box",
            rules(boxed(EPSILON), gamma(0.25, EPSILON), [EPSILON; 3]),
        ),
        ("epsilon-box", rules(boxed(1e-2), epsilon(1e-2), [1e-2; 3])),
        ("lrp-0", rules(epsilon(0.0), epsilon(0.0), [0.0; 3])),
        (
            "large epsilons",
            rules(epsilon(0.05), epsilon(0.1), [0.2, 0.3, 0.4]),
        ),
        (
            "bare plus",
            rules(epsilon(0.0), Rule::Plus { epsilon: 0.0 }, [0.2, 0.0, 0.0]),
        ),
        (
            "alpha 1.5, large epsilons",
            rules(boxed(0.1), alpha_beta(1.5, 0.5, 0.1), [0.2, 0.1, 0.3]),
        ),
        (
            "alpha 1",
            rules(Rule::Flat, alpha_beta(1.0, 0.0, 0.1), [0.0, 0.1, 0.2]),
        ),
        (
            "gamma 2, large epsilons",
            rules(epsilon(0.1), gamma(2.0, 0.1), [0.2, 0.1, 0.3]),
        ),
    ]
}

/// Numbers in 0 to 1.
fn noise(seed: u32) -> impl FnMut() -> f32 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32
    }
}

/// Random weights whose norms turn signs here and there, and multiply by nothing now and then.
fn weights(architecture: &Architecture) -> Weights {
    let findings = ["COVID-19", "pneumonia", "normal"].map(str::to_owned);
    let mut weights = Weights::initialise(architecture, &findings, Normalisation::IMAGENET, 7);
    let mut next = noise(3);
    for (name, array) in &mut weights.tensors {
        let is_norm = name.contains("norm");
        let part = name.rsplit('.').next();
        for value in &mut array.data {
            if is_norm && part == Some("weight") {
                *value = match next() {
                    p if p < 0.2 => -0.5 - next(),
                    p if p < 0.25 => 0.0,
                    _ => 0.5 + next(),
                };
            } else if is_norm && matches!(part, Some("bias" | "running_mean")) {
                *value = 0.6 * (next() - 0.5);
            } else if part == Some("running_var") {
                *value = 0.5 + next();
            }
        }
    }
    weights
}

fn window(kernel: usize, stride: usize, padding: usize) -> Window {
    Window {
        kernel,
        stride,
        padding,
    }
}

fn architecture(stem: Stem, blocks: &[usize]) -> Architecture {
    Architecture::new("tiny", stem, 3, 2, blocks).unwrap()
}

fn questions() -> Vec<Question> {
    let question = |words: &str, coefficients: [f64; 3], thresholds: [f64; 3]| Question {
        words: words.to_owned(),
        start: Start {
            coefficients: coefficients.to_vec(),
            thresholds: thresholds.to_vec(),
        },
    };
    vec![
        question("pneumonia above 0.3", [0.0, 1.0, 0.0], [0.0, -0.8, 0.0]),
        question("COVID-19 rather than normal", [1.0, 0.0, -1.0], [0.0; 3]),
    ]
}

fn of(size: usize, batch: Batch, heatmap: Option<Heatmap<'_>>) -> Export<'_> {
    Export {
        size,
        batch,
        probabilities: Probabilities::Softmax,
        heatmap,
        metadata: BTreeMap::from([("preparation".to_owned(), "{}".to_owned())]),
    }
}

fn read(bytes: &[u8]) -> ModelProto {
    ModelProto::decode(bytes).unwrap()
}

/// The film, the exact engine's logits and its heatmaps, film after film and question after question.
fn engine(
    weights: &Weights,
    films: usize,
    size: usize,
    rules: &Rules,
    questions: &[Question],
) -> (Tensor, Vec<f64>, Vec<f64>) {
    let mut next = noise(11);
    let grey: Vec<f32> = (0..films * size * size).map(|_| next()).collect();
    let network = Network::new(Reference, weights).unwrap();
    let (mut all, mut maps) = (Vec::new(), Vec::new());
    for film in grey.chunks_exact(size * size) {
        let (logits, trace) = network.forward(film, 1, size, Norm::Running).unwrap();
        all.extend(logits);
        for question in questions {
            let starts = std::slice::from_ref(&question.start);
            let raw = network
                .relevances(&trace, starts, rules)
                .unwrap()
                .swap_remove(0)
                .input;
            maps.extend((0..size * size).map(|place| {
                (0..3)
                    .map(|channel| raw[channel * size * size + place])
                    .sum::<f64>()
            }));
        }
    }
    let film = Tensor::new(
        vec![films, 1, size, size],
        grey.into_iter().map(f64::from).collect(),
    );
    (film, all, maps)
}

/// The largest difference, to the largest of what is expected.
fn apart(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let largest = expected
        .iter()
        .fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let difference = |(a, b): (&f64, &f64)| (a - b).abs();
    found.iter().zip(expected).map(difference).fold(0.0, f64::max) / largest
}

#[test]
fn graphs_answer_and_explain_as_the_engine_does() {
    let torchvision = Stem::torchvision(4);
    let plain = Stem {
        channels: 5,
        convolution: window(3, 1, 0),
        pool: None,
    };
    let other = Stem {
        channels: 4,
        convolution: window(5, 3, 2),
        pool: Some(window(2, 2, 0)),
    };
    // Odd sides, whose last row the pools drop; windows that do not reach the border; one block.
    let cases = [
        (torchvision, &[2, 1, 2][..], 45),
        (plain, &[2, 1], 9),
        (other, &[3], 31),
        (other, &[1, 2], 41),
    ];
    let questions = questions();
    for (number, (stem, blocks, size)) in cases.into_iter().enumerate() {
        let weights = weights(&architecture(stem, blocks));
        for (name, rules) in composites() {
            for (batch, films, asked) in [
                (Batch::Fixed(1), 1, &questions[..]),
                (Batch::Dynamic, 2, &questions[..]),
                (Batch::Fixed(2), 2, &questions[1..]),
            ] {
                let (film, logits, maps) = engine(&weights, films, size, &rules, asked);
                let heatmap = Heatmap {
                    rules: &rules,
                    composite: name,
                    questions: asked,
                };
                let bytes = export(&weights, &of(size, batch, Some(heatmap))).unwrap();
                let model = read(&bytes);
                let answers = run::run(model.graph.as_ref().unwrap(), film);
                let case = format!("case {number}, {name}, {batch:?}");
                assert_eq!(
                    answers["heatmaps"].shape,
                    [films, asked.len(), size, size],
                    "{case}"
                );
                assert!(maps.iter().any(|value| *value != 0.0), "{case}");
                let logits = apart(&answers["logits"].data, &logits);
                let maps = apart(&answers["heatmaps"].data, &maps);
                // What is left is that merged norms are kept in single precision.
                assert!(
                    logits < 1e-7 && maps < 1e-6,
                    "{case}: logits {logits:.1e}, heatmaps {maps:.1e}"
                );
            }
        }
    }
}

#[test]
fn a_classifier_pools_first_and_answers_the_same() {
    let weights = weights(&architecture(Stem::torchvision(4), &[2, 2]));
    let (film, logits, _) = engine(&weights, 2, 40, &plus_flat(), &[]);
    for (probabilities, sum) in [
        (Probabilities::Softmax, Some(2.0)),
        (Probabilities::Sigmoid, None),
    ] {
        let wanted = Export {
            probabilities,
            ..of(40, Batch::Dynamic, None)
        };
        let model = read(&export(&weights, &wanted).unwrap());
        let answers = run::run(model.graph.as_ref().unwrap(), film.clone());
        assert!(apart(&answers["logits"].data, &logits) < 1e-7);
        let found = &answers["probabilities"].data;
        match sum {
            Some(sum) => assert!((found.iter().sum::<f64>() - sum).abs() < 1e-9),
            None => {
                let sigmoid: Vec<f64> = logits.iter().map(|z| 1.0 / (1.0 + (-z).exp())).collect();
                assert!(apart(found, &sigmoid) < 1e-6);
            }
        }
    }
}

#[test]
fn a_file_is_whole_and_says_what_it_is() {
    let weights = weights(&architecture(Stem::torchvision(4), &[2, 1]));
    let (questions, rules) = (questions(), plus_flat());
    let heatmap = Heatmap {
        rules: &rules,
        composite: "epsilon-plus-flat",
        questions: &questions,
    };
    let wanted = of(64, Batch::Dynamic, Some(heatmap));
    let bytes = export(&weights, &wanted).unwrap();
    assert_eq!(
        bytes,
        export(&weights, &wanted).unwrap(),
        "equal weights, equal bytes"
    );
    let model = read(&bytes);
    assert_eq!(
        (model.ir_version, model.opset_import[0].version),
        (7, pleura_onnx::OPSET)
    );
    assert!(
        model
            .doc_string
            .starts_with("Research use only. Not a medical device.")
    );
    let facts: BTreeMap<&str, &str> = model
        .metadata_props
        .iter()
        .map(|entry| (entry.key.as_str(), entry.value.as_str()))
        .collect();
    assert_eq!(facts["findings"], r#"["COVID-19","pneumonia","normal"]"#);
    assert_eq!(
        facts["questions"],
        r#"["pneumonia above 0.3","COVID-19 rather than normal"]"#
    );
    assert_eq!(
        (facts["kind"], facts["composite"], facts["preparation"]),
        ("exclusive", "epsilon-plus-flat", "{}")
    );
    assert_eq!(facts["weights_digest"], weights.digest());
    assert_eq!(facts["notice"], "Research use only. Not a medical device.");

    let graph = model.graph.unwrap();
    let shapes = |values: &[proto::ValueInfoProto]| -> Vec<String> {
        values
            .iter()
            .map(|value| format!("{} {}", value.name, value.shape()))
            .collect()
    };
    assert_eq!(shapes(&graph.input), ["film batch,1,64,64"]);
    let outputs = [
        "logits batch,3",
        "probabilities batch,3",
        "heatmaps batch,2,64,64",
    ];
    assert_eq!(shapes(&graph.output), outputs);
    // Each name is written once, before it is read, and nothing lies there unread.
    let mut known: BTreeSet<&str> = graph.input.iter().map(|value| value.name.as_str()).collect();
    for tensor in &graph.initializer {
        assert!(known.insert(&tensor.name), "{} twice", tensor.name);
    }
    let mut read: BTreeSet<&str> = graph.output.iter().map(|value| value.name.as_str()).collect();
    for node in &graph.node {
        for input in &node.input {
            assert!(known.contains(input.as_str()), "{} reads {input}", node.name);
            read.insert(input);
        }
        for output in &node.output {
            assert!(known.insert(output), "{output} twice");
        }
    }
    for tensor in &graph.initializer {
        assert!(
            read.contains(tensor.name.as_str()),
            "nothing reads {}",
            tensor.name
        );
    }
    for node in &graph.node {
        assert!(
            node.output.iter().any(|output| read.contains(output.as_str())),
            "nothing reads {}",
            node.name
        );
    }
    // The network's own numbers lie there once, under torchvision's names and as they are.
    for (name, array) in &weights.tensors {
        let tensor = graph
            .initializer
            .iter()
            .find(|tensor| tensor.name == *name)
            .unwrap();
        let bytes: Vec<u8> = array.data.iter().flat_map(|value| value.to_le_bytes()).collect();
        assert!(tensor.raw_data == bytes, "{name}");
    }
    let own: usize = graph.initializer.iter().map(|tensor| tensor.raw_data.len()).sum();
    let theirs: usize = weights.tensors.values().map(|array| 4 * array.data.len()).sum();
    assert!(
        own < 3 * theirs,
        "{own} bytes of constants for {theirs} of weights"
    );
}

#[test]
fn what_cannot_be_written_is_said() {
    let weights = weights(&architecture(Stem::torchvision(4), &[1, 1]));
    let refused = |wanted: &Export<'_>| export(&weights, wanted).unwrap_err().to_string();
    let mut wrong = questions();
    wrong[0].start.coefficients.pop();
    let rules = plus_flat();
    let heatmap = |questions| Heatmap {
        rules: &rules,
        composite: "mine",
        questions,
    };
    assert_eq!(
        refused(&of(64, Batch::Dynamic, Some(heatmap(&wrong)))),
        "question \"pneumonia above 0.3\" has 2 coefficients or thresholds; expected one for each of the network's 3 outputs"
    );
    assert_eq!(
        refused(&of(64, Batch::Dynamic, Some(heatmap(&[])))),
        "questions for a heatmap: expected at least one"
    );
    assert_eq!(
        refused(&of(64, Batch::Fixed(0), None)),
        "films in a batch: expected at least one"
    );
    let smallest = weights.architecture.smallest_input();
    let small = refused(&of(smallest - 1, Batch::Dynamic, None));
    assert!(small.contains(&smallest.to_string()), "{small}");

    // Rules that no graph is written for are named, with those that could stand there.
    let square = Rule::Square { epsilon: EPSILON };
    let mut named = plus_flat();
    named.named.insert("features.transition1.conv".to_owned(), square);
    let other = |change: &dyn Fn(&mut Rules)| {
        let mut rules = plus_flat();
        change(&mut rules);
        rules
    };
    let asked = questions();
    for (rules, words) in [
        (
            other(&|rules| rules.convolution = square),
            "no convolution by Square { epsilon: 1e-6 }; it can be written with the epsilon, plus",
        ),
        (
            other(&|rules| rules.first = rules.convolution),
            "no first convolution by Plus { epsilon: 1e-6 }",
        ),
        (other(&|rules| rules.linear = square), "no linear layer by Square"),
        (other(&|rules| rules.bias = Bias::Absorb), "no bias by Absorb"),
        (named, "no features.transition1.conv by Square"),
    ] {
        let heatmap = Heatmap {
            rules: &rules,
            composite: "mine",
            questions: &asked,
        };
        let said = refused(&of(64, Batch::Dynamic, Some(heatmap)));
        assert!(said.contains(words), "{said}");
    }
}
