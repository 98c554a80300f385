//! Weights of others in, ours out, published ones fetched.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use pleura_nn::weights::Array;
use serde_json::{Value, json};

use crate::scene::{Said, Scene};

const FINDINGS: [&str; 3] = ["COVID-19", "pneumonia", "normal"];

/// A state dict as safetensors: eight bytes of length, a JSON header, the tensors, and torch's count of
/// batches beside each norm.
fn safetensors(tensors: &BTreeMap<String, Array>) -> Vec<u8> {
    let mut header = serde_json::Map::from_iter([("__metadata__".to_owned(), json!({"format": "pt"}))]);
    let mut data: Vec<u8> = Vec::new();
    let mut add = |name: String, kind: &str, shape: &[usize], bytes: Vec<u8>| {
        let begin = data.len();
        data.extend(bytes);
        header.insert(
            name,
            json!({"dtype": kind, "shape": shape, "data_offsets": [begin, data.len()]}),
        );
    };
    for (name, tensor) in tensors {
        let numbers = tensor.data.iter().flat_map(|value| value.to_le_bytes());
        add(name.clone(), "F32", &tensor.shape, numbers.collect());
        if let Some(norm) = name.strip_suffix("running_mean") {
            let count = 1000_i64.to_le_bytes().to_vec();
            add(format!("{norm}num_batches_tracked"), "I64", &[], count);
        }
    }
    let mut header = Value::Object(header).to_string();
    while !header.len().is_multiple_of(8) {
        header.write_char(' ').unwrap();
    }
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &data].concat()
}

/// Reads such a file without the library: of each tensor type, shape and bytes.
fn read(path: &Path) -> BTreeMap<String, (Value, Value, Vec<u8>)> {
    let bytes = fs::read(path).unwrap();
    let begin = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: serde_json::Map<String, Value> = serde_json::from_slice(&bytes[8..begin]).unwrap();
    let tensors = header.into_iter().filter(|(name, _)| name != "__metadata__");
    tensors
        .map(|(name, entry)| {
            let place = |end: usize| begin + entry["data_offsets"][end].as_u64().unwrap() as usize;
            let values = bytes[place(0)..place(1)].to_vec();
            (name, (entry["dtype"].clone(), entry["shape"].clone(), values))
        })
        .collect()
}

/// Writes `torch.safetensors`: tensors of the small network, and how torch counts batches beside them.
fn scene(prefix: &str) -> Scene {
    let scene = Scene::new();
    let weights = scene.model("ours.safetensors", &FINDINGS, "exclusive");
    let tensors: BTreeMap<String, Array> = weights
        .tensors
        .into_iter()
        .map(|(name, tensor)| (format!("{prefix}{name}"), tensor))
        .collect();
    scene.bytes("torch.safetensors", &safetensors(&tensors));
    scene
}

fn import(scene: &Scene, options: &[&str]) -> Said {
    scene.run(
        &[
            &["import", "torch.safetensors", "--out", "w.safetensors"],
            options,
        ]
        .concat(),
    )
}

const SMALL: [&str; 4] = ["--arch", "small", "--findings", "COVID-19,pneumonia,normal"];

fn small(options: &[&'static str]) -> Vec<&'static str> {
    [&SMALL[..], options].concat()
}

#[test]
fn in_and_out_again_moves_no_bit() {
    for prefix in ["", "module."] {
        let scene = scene(prefix);
        let said = import(&scene, &small(&["--json"]));
        assert_eq!((said.code, said.err.as_str()), (0, ""));
        let record = said.json();
        assert_eq!(record["findings"], json!(FINDINGS));
        assert_eq!(
            (&record["from"]["container"], &record["from"]["prefix"]),
            (&"safetensors".into(), &prefix.into())
        );
        let said = scene.run(&["export", "w.safetensors", "--torch", "back.safetensors", "--json"]);
        assert_eq!((said.code, said.err.as_str()), (0, ""));
        assert_eq!(said.json()["digest"], record["digest"]);
        let (ours, back) = (
            read(&scene.path("torch.safetensors")),
            read(&scene.path("back.safetensors")),
        );
        let names = ours.keys().map(|name| name.strip_prefix(prefix).unwrap());
        // torch loads nothing unless every name is there, the counters of batches among them.
        assert!(names.eq(back.keys()), "the names differ");
        for ((name, ours), back) in ours.iter().zip(back.values()) {
            assert_eq!((&ours.0, &ours.1), (&back.0, &back.1), "{name}");
            // How many batches a norm has seen is no weight, and none of ours.
            assert!(
                ours.2 == back.2 || name.ends_with("num_batches_tracked"),
                "{name}"
            );
        }
        assert!(back.contains_key("features.denseblock1.denselayer1.conv1.weight"));
    }
}

#[test]
fn what_was_imported_answers_as_what_it_was_made_of() {
    let scene = scene("");
    scene.film("a.png", 1);
    let told = [
        "--kind",
        "exclusive",
        "--size",
        "64",
        "--fit",
        "stretch",
        "--normalisation",
        "none",
    ];
    assert_eq!(import(&scene, &small(&told)).code, 0);
    let answer = |model: &str| {
        let said = scene.run(&["predict", "--model", model, "a.png", "--json"]);
        assert_eq!((said.code, said.err.as_str()), (0, ""));
        said.json()["logits"].clone()
    };
    assert_eq!(answer("w.safetensors"), answer("ours.safetensors"));
    // Asked with another normalisation, the same tensors answer otherwise.
    assert_eq!(import(&scene, &small(&told[..6])).code, 0);
    assert_ne!(answer("w.safetensors"), answer("ours.safetensors"));

    let shown = scene.run(&["weights", "show", "w.safetensors", "--json"]).json();
    assert_eq!(shown["architecture"]["name"], "small");
    assert_eq!(shown["metadata"]["imported_from"], "torch.safetensors");
}

#[test]
fn another_network_is_named() {
    let scene = scene("");
    let refused = |options: &[&str]| {
        let said = import(&scene, options);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{options:?}");
        assert!(
            !scene.path("w.safetensors").exists(),
            "{options:?} wrote something"
        );
        said.err
    };
    let findings = ["--findings", "COVID-19,pneumonia,normal"];
    let other = refused(&[&["--arch", "densenet121"], &findings[..]].concat());
    assert!(
        other.contains("densenet121") && other.contains("small"),
        "{other}"
    );
    let unknown = refused(&[&["--arch", "densenet264"], &findings[..]].concat());
    assert!(
        unknown.contains("densenet264")
            && unknown.contains("densenet121, densenet161, densenet169, densenet201, small"),
        "{unknown}"
    );
    let nameless = refused(&["--arch", "small"]);
    assert!(
        nameless.contains("torch.safetensors has 3 outputs") && nameless.contains("--findings A,B"),
        "{nameless}"
    );
    let few = refused(&["--arch", "small", "--findings", "sick,well"]);
    assert!(few.contains("3 outputs, 2 findings were given"), "{few}");
}

#[test]
fn files_that_are_no_weights_are_refused() {
    let scene = scene("");
    let whole = fs::read(scene.path("torch.safetensors")).unwrap();
    for (bytes, words) in [
        (&whole[..whole.len() / 2], "torch.safetensors"),
        (&b"not weights at all"[..], "torch.safetensors"),
        (&b""[..], "torch.safetensors"),
    ] {
        fs::write(scene.path("torch.safetensors"), bytes).unwrap();
        let said = import(&scene, &SMALL);
        assert_eq!((said.code, said.out.as_str()), (2, ""));
        assert!(said.err.contains(words), "{}", said.err);
        assert!(!scene.path("w.safetensors").exists());
    }
    // What cannot be had again is not written over.
    fs::write(scene.path("torch.safetensors"), &whole).unwrap();
    let said = scene.run(
        &[
            &["import", "torch.safetensors", "--out", "torch.safetensors"],
            &SMALL[..],
        ]
        .concat(),
    );
    assert_eq!(said.code, 2);
    let said = scene.run(&["export", "ours.safetensors", "--torch", "ours.safetensors"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("choose another name"), "{}", said.err);
    assert!(fs::read(scene.path("torch.safetensors")).unwrap() == whole);
}

/// Fetches where nobody is: no packet leaves the machine, for the proxy is a port of its own on which nothing
/// listens.
fn fetch(scene: &Scene, options: &[&str]) -> Said {
    let mut command = scene.command(&[&["weights", "fetch", "densenet121"], options].concat());
    for name in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY"] {
        command
            .env(name, "http://127.0.0.1:1")
            .env(name.to_lowercase(), "http://127.0.0.1:1");
    }
    command.env_remove("NO_PROXY").env_remove("no_proxy");
    scene.hear(command.env("PLEURA_HOME", scene.path("home")))
}

#[test]
fn offline_it_is_said_where_to_put_the_file() {
    let scene = Scene::new();
    for (options, place) in [
        (&["--json"][..], "DIR/home/weights/densenet121-a639ec97.pth"),
        (&["--dir", "there"], "there/densenet121-a639ec97.pth"),
    ] {
        let said = fetch(&scene, options);
        assert_eq!((said.code, said.out.as_str()), (2, ""));
        assert!(
            said.err
                .contains("cannot download https://download.pytorch.org/models/densenet121-a639ec97.pth: "),
            "{}",
            said.err
        );
        assert!(
            said.err.ends_with(&format!("put the file at {place}\n")),
            "{}",
            said.err
        );
    }
    // Put there, but another file.
    scene.write("there/densenet121-a639ec97.pth", "something else");
    let said = fetch(&scene, &["--dir", "there"]);
    assert_eq!(said.code, 2);
    assert!(
        said.err.contains("there/densenet121-a639ec97.pth")
            && said
                .err
                .contains("expected a639ec97…; delete it to fetch it again"),
        "{}",
        said.err
    );
    assert_eq!(
        fs::read(scene.path("there/densenet121-a639ec97.pth")).unwrap(),
        b"something else"
    );
    let unknown = scene.run(&["weights", "fetch", "resnet50"]);
    assert_eq!(unknown.code, 2);
    assert!(
        unknown
            .err
            .contains("densenet121, densenet161, densenet169, densenet201"),
        "{}",
        unknown.err
    );
}
