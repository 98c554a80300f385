use pleura_nn::{Architecture, Cpu, Network, Weights, weights::Normalisation};
use pleura_run::{
    NeuronOrigin,
    data::Exclusion,
    recipe::{Keep, KeepRule},
};
use pleura_train::{
    Options, Plan, Recipe, Silent,
    keep::{new_head, prove},
    run,
};
use serde_json::Value;

use crate::films::{Place, assert_equal_results, results};

fn json(place: &Place, name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(place.path(name)).unwrap()).unwrap()
}

fn lines(place: &Place, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(place.path(name)).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_run_leaves_everything_behind() {
    let place = Place::new();
    let summary = place.run("run", &mut Silent).unwrap();
    assert!(summary.stopped.is_none());
    assert_eq!(
        summary.stages.iter().map(|stage| stage.steps).collect::<Vec<_>>(),
        [6, 12]
    );

    let log = lines(&place, "run/log.jsonl");
    let events = |stage: &str, event: &str| {
        log.iter()
            .filter(|line| line["stage"] == stage && line["event"] == event)
            .collect::<Vec<_>>()
    };
    assert_eq!(events("findings", "step").len(), 6);
    assert_eq!(events("target", "epoch").len(), 3);
    let steps = events("target", "step");
    // In the first epoch the head alone moves, and the rate climbs.
    assert_eq!(
        steps[0]["lr"].as_object().unwrap().keys().collect::<Vec<_>>(),
        ["head"]
    );
    assert!((steps[0]["lr"]["head"].as_f64().unwrap() - 1e-3).abs() < 1e-12);
    assert!((steps[4]["lr"]["head"].as_f64().unwrap() - 1e-2).abs() < 1e-12);
    assert!((steps[4]["lr"]["block1"].as_f64().unwrap() - 1e-3).abs() < 1e-12);
    assert!(log.iter().all(|line| !line.to_string().contains("second")));

    let neurons = json(&place, "run/stages/target/neurons.json");
    let origins: Vec<NeuronOrigin> = serde_json::from_value(Value::Array(
        neurons["neurons"]
            .as_array()
            .unwrap()
            .iter()
            .map(|n| n["origin"].clone())
            .collect(),
    ))
    .unwrap();
    assert_eq!(
        origins,
        [NeuronOrigin::Mapped, NeuronOrigin::Mapped, NeuronOrigin::Fresh]
    );
    assert_eq!(neurons["proof"]["equal"], "logits");
    assert_eq!(neurons["proof"]["films"], 8);
    assert_eq!(neurons["left_behind"][0], "Striped");

    let best = Weights::read(&place.path("run/stages/target/best.safetensors")).unwrap();
    assert_eq!(best.findings, ["round", "normal", "fresh"]);
    assert_eq!(best.metadata["kind"], "exclusive");
    assert_eq!(best.metadata["preparation"], "{\"size\":32,\"fit\":\"stretch\"}");
    assert_eq!(best.digest(), summary.stages[1].best_weights);
    assert_eq!(json(&place, "run/stages/target/metrics.json")["films"], 5);
    let predictions = pleura_eval::Predictions::read(&place.path("run/stages/target/test.csv")).unwrap();
    assert_eq!((predictions.len(), predictions.findings.len()), (5, 3));
    assert_eq!(
        json(&place, "run/stages/findings/data.json")["splits"]["train"]["findings"][2]["unknown"],
        2
    );
}

#[test]
fn the_recipe_it_leaves_does_the_same_again() {
    let place = Place::new();
    place.run("run", &mut Silent).unwrap();
    let resolved = Recipe::read(&place.path("run/recipe.toml")).unwrap();
    assert_eq!(
        resolved.stages[0].findings.as_deref().unwrap(),
        ["No Finding", "Round", "Striped"]
    );
    run(&resolved, &place.path("again"), &Options::default(), &mut Silent).unwrap();
    assert_equal_results(
        &place.path("again"),
        &results(&place.path("run")),
        "resolved recipe",
    );
}

#[test]
fn threads_change_nothing() {
    let place = Place::new();
    place.run("run", &mut Silent).unwrap();
    let expected = results(&place.path("run"));
    for threads in [1, 3] {
        let out = place.path(&format!("threads{threads}"));
        run(
            &place.recipe(),
            &out,
            &Options::default().with_threads(Some(threads)),
            &mut Silent,
        )
        .unwrap();
        assert_equal_results(&out, &expected, &format!("{threads} threads"));
    }
}

#[test]
fn another_seed_is_another_run() {
    let place = Place::new();
    let one = place.run("one", &mut Silent).unwrap();
    let two = run(
        &place.recipe(),
        &place.path("two"),
        &Options::default().with_seed(Some(12)),
        &mut Silent,
    )
    .unwrap();
    assert_ne!(one.stages[0].last_weights, two.stages[0].last_weights);
    let identity = |seed| {
        Plan::new(&place.recipe(), Some(seed))
            .unwrap()
            .identity()
            .unwrap()
    };
    assert_eq!(
        identity(11),
        Plan::new(&place.recipe(), None).unwrap().identity().unwrap()
    );
    assert_ne!(identity(11), identity(12));
}

#[test]
fn frozen_groups_and_frozen_statistics_do_not_move() {
    let place = Place::new();
    let text = crate::films::RECIPE
        .replace("until_epoch = 1", "until_epoch = 3")
        .replace("monitor = \"macro_auc\"", "norm = \"running\"");
    std::fs::write(place.path("recipe.toml"), text).unwrap();
    place.run("run", &mut Silent).unwrap();
    let before = Weights::read(&place.path("run/stages/findings/best.safetensors")).unwrap();
    let after = Weights::read(&place.path("run/stages/target/last.safetensors")).unwrap();
    for (name, tensor) in &after.tensors {
        assert_eq!(
            before.tensors[name] == *tensor,
            !name.starts_with("classifier"),
            "{name}"
        );
    }
}

#[test]
fn training_learns() {
    let place = Place::new();
    let text = crate::films::RECIPE
        .replace("epochs = 3", "epochs = 25")
        .replace("all = 1e-3, head = 1e-2", "all = 1e-2");
    std::fs::write(place.path("recipe.toml"), text).unwrap();
    let summary = place.run("run", &mut Silent).unwrap();
    let log = lines(&place, "run/log.jsonl");
    let losses: Vec<f64> = log
        .iter()
        .filter(|line| line["stage"] == "target" && line["event"] == "epoch")
        .map(|line| line["train_loss"].as_f64().unwrap())
        .collect();
    assert!(losses[losses.len() - 1] < 0.5 * losses[0], "{losses:?}");
    assert_eq!(summary.stages[1].test_films, 5);
}

#[test]
fn patience_ends_a_stage() {
    let place = Place::new();
    // Nothing moves, so no epoch is better than the first.
    let text = crate::films::RECIPE
        .replace("epochs = 2\n", "epochs = 9\npatience = 2\nnorm = \"running\"\n")
        .replace("learning_rate = 0.05", "learning_rate = 0.0");
    std::fs::write(place.path("recipe.toml"), text).unwrap();
    let summary = place.run("run", &mut Silent).unwrap();
    let stage = &summary.stages[0];
    assert_eq!(
        (stage.epochs, stage.best_epoch, stage.stopped_early),
        (3, 0, true)
    );
}

/// ImageNet's head has 1000 neurons, `CheXNet`'s 14, ours 15 and 3. A kept neuron's logit must not depend on
/// them.
#[test]
fn kept_logits_are_equal_whatever_the_width_of_the_head() {
    let architecture = Architecture::by_name("small").unwrap();
    let size = 64;
    let films = |count: usize| {
        (0..count * size * size)
            .map(|i| (i as f32 * 0.37).sin().abs())
            .collect::<Vec<f32>>()
    };
    for (outputs, count) in [(14, 1), (15, 8), (1000, 7), (3, 8)] {
        let names: Vec<String> = (0..outputs).map(|index| format!("n{index}")).collect();
        let old = Weights::initialise(&architecture, &names, Normalisation::NONE, 5);
        let last = format!("n{}", outputs - 1);
        let findings = [String::from("fresh"), last.clone(), String::from("first")];
        let map = [(String::from("first"), String::from("n0"))].into();
        let keep = Keep {
            rule: KeepRule::WeightAndBias,
            map,
            fresh: Vec::new(),
        };
        let old_head = old.head().unwrap();
        let (head, mut neurons) =
            new_head(Some(&old_head), &findings, architecture.features(), &keep, 9).unwrap();
        let mut new = old.clone();
        new.set_head(head.clone()).unwrap();
        let logits = |weights: &Weights| {
            Network::new(Cpu::new(), weights)
                .unwrap()
                .infer(&films(count), count, size)
                .unwrap()
        };
        prove(
            &mut neurons,
            (&old_head, &logits(&old)),
            (&head, &logits(&new)),
            count,
        )
        .unwrap();
        assert_eq!(neurons.proof.unwrap().neurons, 2, "{outputs} outputs");
    }
}

#[test]
fn who_is_judged_later_teaches_nothing_before() {
    let place = Place::new();
    let train = |place: &Place| Plan::new(&place.recipe(), None).unwrap().stages[0].train.clone();
    assert_eq!(train(&place).len(), 14);
    // The second stage tests on a patient that the first one trains on.
    let manifest = std::fs::read_to_string(place.path("target.csv")).unwrap();
    let moved: Vec<String> = manifest
        .lines()
        .map(|line| {
            if line.contains(",patient2,") {
                line.replace(",train,", ",test,")
            } else {
                line.to_owned()
            }
        })
        .collect();
    std::fs::write(place.path("target.csv"), moved.join("\n")).unwrap();
    let plan = Plan::new(&place.recipe(), None).unwrap();
    assert_eq!(plan.stages[0].train, [0, 1, 2, 3, 6, 7, 8, 9, 10, 11, 12, 13]);
    assert_eq!(plan.stages[0].counts.train.excluded[&Exclusion::HeldOut], 2);
    assert!(plan.stages[1].counts.train.excluded.is_empty());
}
