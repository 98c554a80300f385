//! Words found on films, and a shortcut planted and found.

use std::collections::BTreeMap;
use std::fs;

use pleura_film::grey_png_8;
use pleura_manifest::{Label, Manifest, Masks, Row, Split};

use crate::scene::{Scene, sha256};

const SIDE: usize = 192;

/// A letter of 18 by 26 pixels: the stroke is 5 wide.
fn letter(grey: &mut [u8], mask: &mut [u8], left: usize, top: usize) {
    for y in 0..26 {
        for x in 0..18 {
            if x < 5 || y < 5 {
                let place = (top + y) * SIDE + left + x;
                (grey[place], mask[place]) = (255, 255);
            }
        }
    }
}

/// Films of noise. Films of the class `lettered` carry a letter, and nothing else tells the classes apart.
fn films(scene: &Scene, count: usize) {
    let findings = ["lettered", "plain"].map(str::to_owned).to_vec();
    let mut manifest = Manifest::new(scene.path("."), findings);
    let mut state = 7_u32;
    for number in 0..count {
        let mut grey: Vec<u8> = (0..SIDE * SIDE)
            .map(|pixel| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                // Brighter downwards: a film of noise alone has no contrast once it is scaled down.
                40 + (pixel / SIDE * 60 / SIDE) as u8 + (state >> 28) as u8
            })
            .collect();
        let mut mask = vec![0; SIDE * SIDE];
        if number % 2 == 0 {
            letter(&mut grey, &mut mask, 20 + number % 5, 24 + number % 7);
        }
        let (film, text) = (format!("{number}.png"), format!("text/{number}.png"));
        let bytes = grey_png_8(SIDE, SIDE, &grey).unwrap();
        scene.bytes(&film, &bytes);
        scene.bytes(&text, &grey_png_8(SIDE, SIDE, &mask).unwrap());
        manifest.rows.push(Row {
            film: format!("film-{number}"),
            path: film.into(),
            sha256: sha256(&bytes),
            dataset: "made up".to_owned(),
            patient: format!("patient-{number}"),
            split: Some([Split::Train, Split::Train, Split::Validation, Split::Test][number / 2 % 4]),
            labels: vec![
                if number % 2 == 0 {
                    Label::Positive
                } else {
                    Label::Negative
                },
                if number % 2 == 0 {
                    Label::Negative
                } else {
                    Label::Positive
                },
            ],
            masks: Masks {
                text: Some(text.into()),
                ..Masks::default()
            },
            ..Row::default()
        });
    }
    manifest.write(&scene.path("m.csv")).unwrap();
}

const RECIPE: &str = r#"
seed = 3
architecture = "small"
normalisation = "unit"
preparation = { size = 64 }
evaluation = { bootstrap = 200 }

[[stage]]
name = "letters"
kind = "exclusive"
manifest = "m.csv"
findings = ["lettered", "plain"]
epochs = 5
batch = 8
optimiser = { kind = "adamw" }
learning_rate = 5e-3
"#;

#[test]
fn a_planted_letter_is_found_and_so_is_its_use() {
    let scene = Scene::new();
    films(&scene, 160);
    scene.write("recipe.toml", RECIPE);
    let said = scene.run(&["train", "recipe.toml", "--out", "run", "-q"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let audit = |options: &[&str]| {
        let all = [
            "audit",
            "words",
            "--manifest",
            "m.csv",
            "--model",
            "run",
            "--draws",
            "2",
            "--bootstrap",
            "200",
        ];
        scene.run(&[&all[..], options].concat())
    };
    for source in ["found", "masks"] {
        let said = audit(&["--words", source, "--out", source, "--json", "-q"]);
        assert_eq!(said.code, 1, "{}{}", said.out, said.err);
        let record = said.json();
        let outcome = &record["outcome"];
        assert_eq!(
            (&outcome["films"], &outcome["lettered"]),
            (&40.into(), &20.into()),
            "{source}"
        );
        let right = |condition: &str| outcome["covering"][condition]["value"].as_f64().unwrap();
        assert!(
            right("shown") > 0.9 && right("covered") < 0.3,
            "{source}: {outcome}"
        );
        assert!(right("patched") > 0.9, "{source}: {outcome}");
        assert_eq!(outcome["verdict"]["covering"], "matters");
        // Letters are pasted onto the plain films, and nothing can be pasted back.
        let pairs = outcome["swap"]["pairs"].as_array().unwrap();
        assert_eq!(
            (pairs.len(), &pairs[0]["from"], &pairs[0]["onto"]),
            (1, &"lettered".into(), &"plain".into())
        );
        assert!(
            pairs[0]["words_moved"].as_u64() > pairs[0]["patches_moved"].as_u64(),
            "{}",
            pairs[0]
        );
        let relevance = &outcome["relevance"][0];
        assert_eq!(relevance["finding"], "lettered");
        assert!(
            relevance["words"]["value"].as_f64() > relevance["elsewhere"]["value"].as_f64(),
            "{relevance}"
        );
        let agreement = &record["found"]["against_masks"]["objects"];
        assert_eq!(
            (&agreement["precision"], &agreement["recall"]),
            (&1.0.into(), &1.0.into())
        );
        for file in [
            "words.json",
            "found.csv",
            "found.png",
            "accuracy.svg",
            "differences.svg",
            "relevance.svg",
        ] {
            assert!(
                fs::metadata(scene.path(source).join(file)).unwrap().len() > 100,
                "{file}"
            );
        }
        // The same seed, the same numbers, on any number of threads.
        let again = audit(&["--words", source, "--json", "-q", "--threads", "1"]);
        assert_eq!(again.json()["outcome"], *outcome);
    }
    let told = audit(&["--swaps", "0"]);
    assert_eq!(told.code, 1, "{}", told.err);
    assert!(
        told.out
            .contains("the answers depend on the text, by 5.0 points or more on these films"),
        "{}",
        told.out
    );
    assert!(
        told.out.contains("patches covered, 2 draws")
            && told.out.ends_with("Research use only. Not a medical device.\n")
    );
    // A model that has learnt nothing uses nothing.
    scene.model("fresh.safetensors", &["lettered", "plain"], "exclusive");
    let fresh = scene.run(&[
        "audit",
        "words",
        "--manifest",
        "m.csv",
        "--model",
        "fresh.safetensors",
        "--draws",
        "1",
        "--json",
        "-q",
    ]);
    assert_eq!(fresh.code, 0, "{}", fresh.err);
    assert_eq!(fresh.json()["outcome"]["verdict"]["failed"], false);
    of_the_run(&scene);
}

/// All checks of the trained run, of which a test film and then the answers are gone.
fn of_the_run(scene: &Scene) {
    let calibrated = scene.run(&["calibrate", "run", "--bootstrap", "0", "-q"]);
    assert_eq!(calibrated.code, 0, "{}", calibrated.err);
    fs::remove_file(scene.path("6.png")).unwrap();
    let audit = |options: &[&str]| {
        let said = scene.run(&[&["audit", "run", "--films", "2", "--json", "-q"], options].concat());
        assert_eq!(said.code, 1, "{}", said.err);
        said.json()
    };
    let record = audit(&[]);
    let found = verdicts(&record);
    assert_eq!(
        (found["splits"].as_str(), found["files"].as_str()),
        ("pass", "note")
    );
    for asked in [
        "border-relevance",
        "heatmap-sanity",
        "features",
        "words",
        "calibration",
    ] {
        assert!(found.contains_key(asked), "{asked}");
    }
    assert_eq!(
        (&record["films"], &record["calibration_applied"]),
        (&159.into(), &true.into())
    );
    assert!(scene.path("run/audit/audit.json").exists());
    let raw = audit(&["--no-network", "--no-calibration"]);
    assert_eq!(raw["calibration_applied"], false);
    fs::remove_file(scene.path("run/stages/letters/test.csv")).unwrap();
    let found = verdicts(&audit(&["--no-network"]));
    for impossible in ["test-size", "calibration", "subgroups"] {
        assert_eq!(found[impossible], "not_possible", "{impossible}");
    }
    assert_eq!(found["seeds"], "note");
}

/// Of each check, by its name.
fn verdicts(record: &serde_json::Value) -> BTreeMap<String, String> {
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let checks = record["checks"].as_array().unwrap().iter();
    checks
        .map(|check| (text(&check["name"]), text(&check["verdict"])))
        .collect()
}

#[test]
fn without_a_model_words_are_only_found() {
    let scene = Scene::new();
    films(&scene, 2);
    scene.write(
        "boxes.csv",
        "film,kind,left,top,right,bottom\n0.png,letter,20,24,38,50\n1.png,none,,,,\n",
    );
    let said = scene.run(&[
        "audit",
        "words",
        "0.png",
        "1.png",
        "--boxes",
        "boxes.csv",
        "--json",
        "-q",
    ]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let record = said.json();
    assert!(record["outcome"].is_null() && record["model"].is_null());
    assert_eq!(record["found"]["lettered"], 1);
    let counts = &record["found"]["against_boxes"]["counts"];
    assert_eq!(
        (&counts["films"], &counts["objects_met"], &counts["objects_right"]),
        (&2.into(), &1.into(), &1.into())
    );
}

#[test]
fn what_is_missing_is_said() {
    let scene = Scene::new();
    films(&scene, 2);
    let refused = |line: &[&str]| {
        let said = scene.run(&[&["audit", "words"], line].concat());
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{line:?}");
        said.err
    };
    assert!(refused(&[]).contains("no films: name some, or a table of them with --manifest"));
    assert!(refused(&["0.png", "--model", "m.safetensors"]).contains("--manifest"));
    assert!(
        refused(&["--manifest", "m.csv", "--split", "test"])
            .contains("none of its 2 films is in the split \"test\"")
    );
    scene.model("m.safetensors", &["lettered", "plain"], "exclusive");
    let all = [
        "--manifest",
        "m.csv",
        "--split",
        "all",
        "--model",
        "m.safetensors",
    ];
    assert!(
        refused(&[&all[..], &["--fail-above", "0"]].concat())
            .contains("threshold: 0, expected a share above 0 and at most 1")
    );
    scene.write("boxes.csv", "film,kind,left,top,right,bottom\na,word,1,1,2,2\n");
    assert!(refused(&["0.png", "--boxes", "boxes.csv"]).contains("row 2: kind \"word\""));
}

#[test]
fn a_table_is_audited_before_anything_is_trained() {
    let scene = Scene::new();
    films(&scene, 48);
    let audit = |options: &[&str]| scene.run(&[&["audit", "m.csv", "-q"], options].concat());
    // The letter is all that tells the classes apart.
    let said = audit(&["--json", "--out", "audit"]);
    assert_eq!(said.code, 1, "{}", said.err);
    let found = verdicts(&said.json());
    assert_eq!(found["lettering"], "alarm");
    for quiet in ["splits", "files"] {
        assert_eq!(found[quiet], "pass", "{quiet}");
    }
    for impossible in ["class-source", "children", "person", "lungs-out", "source"] {
        assert_eq!(found[impossible], "not_possible", "{impossible}");
    }
    assert_eq!(found["file"], "not_possible", "all films are alike");
    assert!(scene.path("audit/audit.json").exists() && scene.path("audit/lettering.svg").exists());
    let told = audit(&["--fail-on", "block"]);
    assert_eq!(told.code, 0, "{}", told.err);
    assert!(told.out.contains("  alarm         lettering"), "{}", told.out);
    assert!(told.out.ends_with("Research use only. Not a medical device.\n"));

    // A threshold that nothing reaches; one that does not exist.
    scene.write("lax.toml", "skill = 2.0\n");
    assert_eq!(audit(&["--thresholds", "lax.toml"]).code, 0);
    scene.write("odd.toml", "skil = 2.0\n");
    let said = audit(&["--thresholds", "odd.toml"]);
    assert_eq!(said.code, 2);
    assert!(
        said.err.contains("odd.toml") && said.err.contains("skil"),
        "{}",
        said.err
    );

    // Too few permutations for any alarm; a p value that is none.
    for (text, words) in [
        ("[probe]\npermutations = 99\n", "expected 199 or more"),
        ("subgroups_p = 0.001\n", "expected 3999 or more"),
        ("p = nan\n", "expected numbers above 0"),
    ] {
        scene.write("few.toml", text);
        let said = audit(&["--thresholds", "few.toml"]);
        assert_eq!(said.code, 2, "{text}");
        assert!(said.err.contains(words), "{}", said.err);
    }

    // A film that is cut short is in no two splits.
    let whole = fs::read(scene.path("6.png")).unwrap();
    fs::write(scene.path("6.png"), &whole[..whole.len() / 2]).unwrap();
    let found = verdicts(&audit(&["--json"]).json());
    assert_eq!(
        (found["splits"].as_str(), found["files"].as_str()),
        ("pass", "note")
    );
    fs::write(scene.path("6.png"), whole).unwrap();

    // Nobody's age is known, but the group that it is in.
    let mut manifest = Manifest::read(&scene.path("m.csv")).unwrap();
    manifest.notes.push("age_group".to_owned());
    for (number, row) in manifest.rows.iter_mut().enumerate() {
        row.notes.push(["1-5", "20-24"][number % 2].to_owned());
    }
    manifest.write(&scene.path("m.csv")).unwrap();
    assert_eq!(verdicts(&audit(&["--json"]).json())["children"], "alarm");

    // Two sources, one a class.
    let mut manifest = Manifest::read(&scene.path("m.csv")).unwrap();
    for (number, row) in manifest.rows.iter_mut().enumerate() {
        row.dataset = ["here", "there"][number % 2].to_owned();
    }
    manifest.write(&scene.path("m.csv")).unwrap();
    let said = audit(&["--json", "--fail-on", "block"]);
    assert_eq!(
        (said.code, verdicts(&said.json())["class-source"].as_str()),
        (1, "block")
    );
}

#[test]
fn what_cannot_be_audited_is_said() {
    let scene = Scene::new();
    films(&scene, 2);
    let said = |options: &[&str]| {
        let said = scene.run(&[&["audit"], options].concat());
        assert_eq!(said.code, 2, "{}", said.out);
        said.err
    };
    assert!(said(&[]).contains("RUN|M.csv"));
    for option in [["--manifest", "m.csv"], ["--stage", "x"], ["--size", "64"]] {
        assert!(said(&[&["m.csv"], &option[..]].concat()).contains("this is none"));
    }
    fs::create_dir_all(scene.path("empty")).unwrap();
    assert!(said(&["empty"]).contains("is not a run"));
}
