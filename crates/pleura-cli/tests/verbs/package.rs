//! Packages: made of a tiny run on phantoms, changed, cut off, signed by somebody else, and asked about
//! films.

mod otherwise;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use pleura_draw::picture::Picture;
use pleura_film::grey_png_8;
use pleura_manifest::{Manifest, Split};
use pleura_package::{NOTICE, Package, Private, archive};
use serde_json::Value;

use crate::scene::{Said, Scene};

const RECIPE: &str = r#"
seed = 3
architecture = "small"
preparation = { size = 64 }
evaluation = { bootstrap = 100 }

[[stage]]
name = "target"
kind = "exclusive"
manifest = "films/manifest.csv"
epochs = 2
batch = 8
optimiser = { kind = "adamw" }
learning_rate = 2e-3
"#;

const PACKAGE: &str = "m.pleura";

/// A trained, calibrated run, a pair of keys, and the signed package of it.
struct Packaged(Scene);

impl Packaged {
    fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Packaged>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(packaged) = shared.upgrade() {
            return packaged;
        }
        let packaged = Arc::new(Self::new());
        *shared = Arc::downgrade(&packaged);
        packaged
    }

    fn new() -> Self {
        let scene = Scene::new();
        scene.write("recipe.toml", RECIPE);
        scene.write(
            "answers.toml",
            "name = \"Phantoms\"\nversion = \"0.1\"\n[answers]\nfunding = \"Nobody paid for phantoms.\"\n",
        );
        let lines: [&[&str]; 7] = [
            &[
                "data", "phantoms", "--set", "target", "--films", "90", "--size", "64", "--seed", "5",
                "--out", "films",
            ],
            &[
                "data",
                "split",
                "films/manifest.csv",
                "--seed",
                "1",
                "--fractions",
                "0.6,0.2,0.2",
            ],
            &["train", "recipe.toml", "--out", "run"],
            &["calibrate", "run", "--sensitivity", "0.8", "--bootstrap", "100"],
            &["package", "key", "maker"],
            &["package", "key", "other"],
            &[
                "package",
                "run",
                "--out",
                PACKAGE,
                "--key",
                "maker.private.pem",
                "--card",
                "answers.toml",
                "--golden",
                "2",
                "--keep",
                "1",
            ],
        ];
        for line in lines {
            let said = scene.run(line);
            assert_eq!(said.code, 0, "{line:?}: {}", said.err);
        }
        Self(scene)
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.0.path(PACKAGE)).unwrap()
    }

    fn verify(&self, name: &str, bytes: &[u8], options: &[&str]) -> Said {
        self.0.bytes(name, bytes);
        self.0.run(&[&["package", "verify", name][..], options].concat())
    }

    /// Files of the films of a split.
    fn films(&self, split: Split) -> Vec<PathBuf> {
        let manifest = Manifest::read(&self.0.path("films/manifest.csv")).unwrap();
        let rows = manifest.split(split);
        rows.iter()
            .map(|&row| manifest.file(&manifest.rows[row]))
            .collect()
    }

    fn evaluate(&self, model: &str) -> Said {
        let films = ["--manifest", "films/manifest.csv", "--split", "val"];
        let arguments = [&["evaluate", model, "--bootstrap", "0", "--json"], &films[..]];
        self.0.run(&arguments.concat())
    }

    fn predict(&self, films: &[&str], options: &[&str]) -> Said {
        self.0
            .run(&[&["predict", "--model", PACKAGE, "--json"][..], films, options].concat())
    }
}

#[test]
fn a_package_is_verified_and_says_who_signed_it() {
    let packaged = Packaged::shared();
    let said = packaged.verify("same.pleura", &packaged.bytes(), &["--trust", "maker.public.pem"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(
        said.out.contains("which you trust") && said.out.contains("2 films computed anew: equal to the bit"),
        "{}",
        said.out
    );
    let json = packaged
        .verify("same.pleura", &packaged.bytes(), &["--json"])
        .json();
    assert_eq!(
        (&json["verified"], &json["trusted"]),
        (&Value::from(true), &Value::from(false))
    );
    let again = packaged.0.run(&[
        "package",
        "run",
        "--out",
        "again.pleura",
        "--key",
        "maker.private.pem",
        "--card",
        "answers.toml",
        "--golden",
        "2",
        "--keep",
        "1",
        "--threads",
        "1",
    ]);
    assert_eq!(again.code, 0, "{}", again.err);
    assert_eq!(
        std::fs::read(packaged.0.path("again.pleura")).unwrap(),
        packaged.bytes()
    );
    let said = packaged.verify("same.pleura", &packaged.bytes(), &["--trust", "other.public.pem"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("is from somebody else"), "{}", said.err);
    let unsigned = Package::from_bytes(&packaged.bytes(), "p").unwrap().parts;
    let (unsigned, _) = unsigned.to_bytes(None, &Private::default()).unwrap();
    assert_eq!(packaged.verify("unsigned.pleura", &unsigned, &[]).code, 0);
    let said = packaged.verify("unsigned.pleura", &unsigned, &["--trust", "maker.public.pem"]);
    assert!(
        said.code == 1 && said.err.contains("is not signed"),
        "{}",
        said.err
    );
    assert_eq!(packaged.0.run(&["package", "verify", "none.pleura"]).code, 2);
}

#[test]
fn one_changed_byte_of_any_entry_is_found_and_the_entry_named() {
    let packaged = Packaged::shared();
    let bytes = packaged.bytes();
    let entries = archive::read(&bytes, "p").unwrap();
    assert!(entries.len() >= 14, "{entries:?}");
    for (name, place) in &entries {
        let mut changed = bytes.clone();
        changed[place.start + place.len() / 2] ^= 1;
        let error = Package::from_bytes(&changed, "p").unwrap_err().to_string();
        assert!(
            error.contains(&format!("the entry {name} does not have its checksum")),
            "{error}"
        );
        // With the checksum mended, it is the index that tells; with a line of the index mended too, the
        // signature.
        let mut others: Vec<(String, Vec<u8>)> = entries
            .iter()
            .map(|(name, place)| (name.clone(), changed[place.clone()].to_vec()))
            .collect();
        let mended = archive::write(&others).unwrap();
        let error = Package::from_bytes(&mended, "p").unwrap_err().to_string();
        match name.as_str() {
            "package.json" | "signature.json" => {}
            _ => assert!(
                error.contains(&format!(
                    "the entry {name} does not have the SHA-256 of the index"
                )),
                "{error}"
            ),
        }
        if name == "contract.json" {
            let digest = crate::scene::sha256(&changed[place.clone()]);
            let old = crate::scene::sha256(&bytes[place.clone()]);
            let index = String::from_utf8(others[0].1.clone())
                .unwrap()
                .replace(&old, &digest);
            others[0].1 = index.into_bytes();
            let said = packaged.verify("mended.pleura", &archive::write(&others).unwrap(), &[]);
            assert!(
                said.code == 1 && said.err.contains("changed after it was signed"),
                "{}",
                said.err
            );
        }
    }
    let mut changed = bytes.clone();
    let middle = entries
        .iter()
        .find(|(name, _)| name == "weights.safetensors")
        .unwrap()
        .1
        .start
        + 5000;
    changed[middle] ^= 0x40;
    let said = packaged.verify("changed.pleura", &changed, &[]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("weights.safetensors"), "{}", said.err);
    let said = packaged.verify("cut.pleura", &bytes[..bytes.len() * 3 / 5], &["--json"]);
    assert_eq!((said.code, &said.json()["verified"]), (1, &Value::from(false)));
    assert!(
        said.json()["why"].as_str().unwrap().contains("is cut off"),
        "{}",
        said.out
    );
    // Nor does predict use it.
    assert_eq!(
        packaged
            .0
            .run(&["predict", "--model", "changed.pleura", "x.png"])
            .code,
        2
    );
}

#[test]
fn a_machine_that_computes_otherwise_is_told_by_the_golden_films() {
    let packaged = Packaged::shared();
    let mut parts = Package::from_bytes(&packaged.bytes(), "p").unwrap().parts;
    parts.golden.logits[1] += 0.01;
    let (bytes, _) = parts.to_bytes(None, &Private::default()).unwrap();
    let said = packaged.verify("golden.pleura", &bytes, &[]);
    assert_eq!(said.code, 1);
    assert!(
        said.err.contains("golden film golden/1.png: logits"),
        "{}",
        said.err
    );
    let mut parts = Package::from_bytes(&packaged.bytes(), "p").unwrap().parts;
    parts.golden.heatmaps[5000] += 0.5;
    let (bytes, _) = parts.to_bytes(None, &Private::default()).unwrap();
    let said = packaged.verify("golden.pleura", &bytes, &[]);
    assert!(said.err.contains("golden/2.png: its heatmap"), "{}", said.err);
}

#[test]
fn films_within_the_contract_are_answered_as_the_run_answers_them() {
    let packaged = Packaged::shared();
    let films = packaged.films(Split::Validation);
    let films: Vec<&str> = films.iter().map(|path| path.to_str().unwrap()).collect();
    let said = packaged.predict(&films, &["--trust", "maker.public.pem"]);
    assert_eq!(said.code, 0, "{}{}", said.err, said.out);
    let own = packaged
        .0
        .run(&[&["predict", "--model", "run", "--json"][..], &films[..]].concat());
    for (packed, own) in said.json_lines().iter().zip(own.json_lines()) {
        assert_eq!(packed["outcome"], "answered");
        for field in ["logits", "probabilities", "called"] {
            assert_eq!(packed[field], own[field], "{field}");
        }
        assert_eq!(packed["called"].as_object().unwrap().len(), 3);
        assert_eq!(packed["not_checked"][0], "body part");
        assert_eq!(
            (&packed["package"]["name"], &packed["notice"]),
            (&"Phantoms".into(), &NOTICE.into())
        );
    }
    let said = packaged.0.run(&["predict", "--model", PACKAGE, films[0]]);
    assert!(
        said.out.contains("calibrated)") && said.out.contains(NOTICE),
        "{}",
        said.out
    );
    let said = packaged.predict(&[films[0]], &["--trust", "other.public.pem"]);
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    let said = packaged
        .0
        .run(&["predict", "--model", PACKAGE, "--size", "64", films[0]]);
    assert!(
        said.err
            .contains("a package contains its stage, preparation, task and calibration"),
        "{}",
        said.err
    );
    // The other verbs take it as a model.
    let said = packaged.evaluate(PACKAGE);
    assert_eq!(said.code, 0, "{}", said.err);
}

#[test]
fn films_outside_the_contract_get_no_answer_and_a_reason() {
    let packaged = Packaged::shared();
    let scene = &packaged.0;
    Picture::new(80, 70, [200, 40, 40])
        .save(&scene.path("red.png"))
        .unwrap();
    scene.bytes("tiny.png", &grey_png_8(20, 20, &[90; 400]).unwrap());
    let film = pleura_film::open(
        &packaged.films(Split::Test)[0],
        &pleura_film::DecodeOptions::default(),
    )
    .unwrap();
    let negative: Vec<u8> = film.grey.iter().map(|grey| 255 - (255.0 * grey) as u8).collect();
    scene.bytes(
        "negative.png",
        &grey_png_8(film.width, film.height, &negative).unwrap(),
    );
    let noise: Vec<u8> = (0..96 * 96_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    scene.bytes("noise.png", &grey_png_8(96, 96, &noise).unwrap());
    let said = packaged.predict(&["red.png", "tiny.png", "negative.png", "noise.png"], &[]);
    assert_eq!(said.code, 1);
    let lines = said.json_lines();
    let flagged = |line: &Value, check: &str| {
        let flags = line["flags"].as_array().unwrap();
        assert!(line.get("probabilities").is_none());
        flags
            .iter()
            .any(|flag| flag["check"] == check && !flag["says"].as_str().unwrap().is_empty())
    };
    assert!(
        lines[0]["outcome"] == "refused" && flagged(&lines[0], "colour"),
        "{}",
        lines[0]
    );
    assert!(
        lines[1]["outcome"] == "refused" && flagged(&lines[1], "size"),
        "{}",
        lines[1]
    );
    for line in &lines[2..] {
        assert_eq!(line["outcome"], "abstained", "{line}");
    }
    assert!(
        flagged(&lines[2], "polarity") || flagged(&lines[2], "layout"),
        "{}",
        lines[2]
    );
    let anyway = packaged
        .predict(&["noise.png"], &["--show-unanswered"])
        .json_lines();
    assert!(anyway[0]["probabilities"].is_object() && anyway[0]["called"].as_object().unwrap().is_empty());
    let said = packaged
        .0
        .run(&["predict", "--model", PACKAGE, "noise.png", "none.png"]);
    assert_eq!(said.code, 2);
    assert!(said.out.contains("ABSTAINED: no answer is given"), "{}", said.out);
}

#[test]
fn it_shows_what_is_known_and_what_nobody_has_answered_and_names_nobody() {
    let packaged = Packaged::shared();
    let said = packaged
        .0
        .run(&["package", "show", PACKAGE, "--html", "card.html"]);
    assert_eq!(said.code, 0, "{}", said.err);
    for words in [
        "Phantoms",
        "Nobody paid for phantoms.",
        "233604007",
        "no code",
        "Unanswered",
        "phantoms drawn by pleura",
        "It was not searched for shortcuts",
        "validation films pass",
        NOTICE,
    ] {
        assert!(said.out.contains(words), "{words:?} in {}", said.out);
    }
    let page = std::fs::read_to_string(packaged.0.path("card.html")).unwrap();
    assert!(page.contains("Unanswered") && page.contains(NOTICE) && !page.contains("<script"));
    let bytes = packaged.bytes();
    let folder = packaged.0.path("").to_string_lossy().into_owned();
    let manifest = Manifest::read(&packaged.0.path("films/manifest.csv")).unwrap();
    for (name, place) in archive::read(&bytes, "p").unwrap() {
        let text = String::from_utf8_lossy(&bytes[place]);
        assert!(!text.contains(folder.trim_end_matches('/')), "{name}");
        for row in &manifest.rows {
            assert!(
                !text.contains(&row.film) && !text.contains(&row.patient),
                "{name}: {}",
                row.film
            );
        }
    }
    let said = packaged.0.run(&["package", "show", PACKAGE, "--json"]);
    assert_eq!(said.json()["model"]["findings"].as_array().unwrap().len(), 3);
}

#[test]
fn what_cannot_be_packaged_is_said() {
    let packaged = Packaged::shared();
    let run = |line: &[&str]| packaged.0.run(line);
    let said = run(&[
        "package",
        "run/stages/target/best.safetensors",
        "--out",
        "x.pleura",
    ]);
    assert!(
        said.code == 2 && said.err.contains("made of a run's folder"),
        "{}",
        said.err
    );
    let said = run(&["package", "run", "--out", "x.pleura", "--golden", "0"]);
    assert!(said.err.contains("needs golden films"), "{}", said.err);
    let said = run(&["package", "run", "--out", "x.pleura", "--keep", "0.2"]);
    assert!(
        said.code == 2 && said.err.contains("--keep 0.2: expected a share of 0.5 to 1"),
        "{}",
        said.err
    );
    let said = run(&["package", "run", "--out", "x.pleura", "--key", "maker.public.pem"]);
    assert!(
        said.code == 2 && said.err.contains("maker.public.pem"),
        "{}",
        said.err
    );
    let said = run(&["package", "card", "--out", "questions.toml"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let said = run(&["package", "card", "--out", "questions.toml"]);
    assert!(said.err.contains("may hold answers"), "{}", said.err);
    let said = run(&["predict", "--model", "run", "--anyway", "x.png"]);
    assert!(said.err.contains("goes with a package"), "{}", said.err);
}
