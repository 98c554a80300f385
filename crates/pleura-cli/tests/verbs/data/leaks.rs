//! Copies in two splits: found, kept, refused by training, and shown by the report of who trains all the
//! same.

use pleura_film::{DecodeOptions, grey_png_8};
use pleura_manifest::{Manifest, Row, Split};
use serde_json::{Value, json};

use crate::scene::{Said, Scene, sha256};

const RECIPE: &str = r#"
seed = 3
architecture = "small"
preparation = { size = 32 }
evaluation = { bootstrap = 100 }

[[stage]]
name = "target"
kind = "exclusive"
manifest = "set/manifest.csv"
epochs = 1
batch = 8
"#;

/// Phantoms that are split, and a negative of one that is learnt from among those that are judged on, under
/// another patient's name. Gives the film's name and its copy's.
fn leaking(scene: &Scene) -> (String, String) {
    for words in [
        &[
            "data", "phantoms", "--films", "24", "--size", "96", "--seed", "5", "--out", "set",
        ][..],
        &["data", "split", "set/manifest.csv", "--seed", "1"],
    ] {
        let said = scene.run(words);
        assert_eq!(said.code, 0, "{}", said.err);
    }
    let path = scene.path("set/manifest.csv");
    let mut manifest = Manifest::read(&path).unwrap();
    let of = manifest.split(Split::Train)[0];
    let film = pleura_film::open(&manifest.file(&manifest.rows[of]), &DecodeOptions::default()).unwrap();
    let negative: Vec<u8> = film
        .grey
        .iter()
        .map(|level| (255.0 * (1.0 - level)).round() as u8)
        .collect();
    let bytes = grey_png_8(film.width, film.height, &negative).unwrap();
    scene.bytes("set/negative.png", &bytes);
    let original = manifest.rows[of].clone();
    manifest.rows.push(Row {
        film: "negative".to_owned(),
        path: "negative.png".into(),
        sha256: sha256(&bytes),
        patient: "somebody else".to_owned(),
        split: Some(Split::Test),
        ..original.clone()
    });
    manifest.write(&path).unwrap();
    (original.film, "negative".to_owned())
}

/// Phantoms of one size are alike by their making, real films are not: only what is nearly equal counts here.
fn leaks(scene: &Scene, options: &[&str]) -> Said {
    let always = [
        "data",
        "duplicates",
        "set/manifest.csv",
        "--min-correlation",
        "0.98",
    ];
    scene.run(&[&always, options].concat())
}

#[test]
fn a_copy_in_two_splits_is_found_and_kept_together_from_then_on() {
    let scene = Scene::new();
    let (film, copy) = leaking(&scene);

    // Without a record nothing is kept.
    let looked = leaks(&scene, &["--no-record", "--json"]);
    assert_eq!((looked.code, looked.err.as_str()), (1, ""));
    let told = looked.json();
    assert_eq!((&told["passed"], &told["across"]), (&json!(false), &json!(1)));
    assert_eq!(told["pairs"][0]["one"]["film"], film.as_str());
    assert_eq!(told["pairs"][0]["other"]["film"], copy.as_str());
    assert_eq!(told["pairs"][0]["how"]["inverted"], true);
    assert_eq!(scene.run(&["data", "check", "set/manifest.csv"]).code, 0);

    let said = leaks(&scene, &["--out", "found"]);
    assert_eq!(said.code, 1);
    let line = format!("leak: {film} (train) and {copy} (test): similar (correlation 1.00, inverted)\n");
    assert!(said.out.contains(&line), "{}", said.out);
    assert!(scene.path("found/pairs.png").exists());
    let written: Value =
        serde_json::from_slice(&std::fs::read(scene.path("found/leaks.json")).unwrap()).unwrap();
    assert_eq!(written["pairs"], told["pairs"]);

    let check = scene.run(&["data", "check", "set/manifest.csv"]);
    assert_eq!(check.code, 1);
    assert!(check.out.contains("duplicates (similar"), "{}", check.out);
    let describe = scene.run(&["data", "describe", "set/manifest.csv", "--no-films"]);
    assert!(
        describe
            .out
            .contains("duplicate pairs of set/manifest.csv are in two splits"),
        "{}",
        describe.out
    );

    assert_eq!(
        scene
            .run(&["data", "split", "set/manifest.csv", "--seed", "1"])
            .code,
        0
    );
    assert_eq!(leaks(&scene, &[]).code, 0);
    assert_eq!(scene.run(&["data", "check", "set/manifest.csv"]).code, 0);

    // A look that could not read every film leaves the record as it is.
    let sidecar = std::fs::read(scene.path("set/manifest.json")).unwrap();
    std::fs::remove_file(scene.path("set/negative.png")).unwrap();
    let blind = leaks(&scene, &[]);
    assert_eq!(blind.code, 1);
    assert!(
        blind.out.contains(
            "1 film could not be read or changed since the manifest was made: nothing was recorded"
        ),
        "{}",
        blind.out
    );
    assert!(std::fs::read(scene.path("set/manifest.json")).unwrap() == sidecar);

    let wrong = scene.run(&["data", "leaks", "set/manifest.csv", "--least", "0.3"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("0.5 to 1"), "{}", wrong.err);
}

#[test]
fn training_refuses_a_copy_of_a_test_film_unless_it_is_allowed_and_the_report_shows_both() {
    let scene = Scene::new();
    let (film, copy) = leaking(&scene);
    scene.write("recipe.toml", RECIPE);
    assert_eq!(leaks(&scene, &[]).code, 1);

    let refused = scene.run(&["train", "recipe.toml", "--out", "run"]);
    assert_eq!((refused.code, refused.out.as_str()), (1, ""));
    assert!(
        refused.err.contains(&format!("{film} (train) and {copy} (test)")),
        "{}",
        refused.err
    );
    assert!(refused.err.contains("--allow-leaks"), "{}", refused.err);
    assert!(!scene.path("run").exists());

    let said = scene.run(&["train", "recipe.toml", "--out", "run", "--allow-leaks", "-q"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let data: Value =
        serde_json::from_slice(&std::fs::read(scene.path("run/stages/target/data.json")).unwrap()).unwrap();
    assert_eq!(
        (&data["leaks"][0]["film"], &data["leaks"][0]["copy_of"]),
        (&json!(film), &json!(copy))
    );
    let page = std::fs::read_to_string(scene.path("run/report.html")).unwrap();
    let chapter = page.split("<section id=\"duplicates\"").nth(1).unwrap();
    let chapter = chapter.split("</section>").next().unwrap();
    assert!(
        chapter.contains("1 of them is in two splits"),
        "{}",
        &chapter[..900]
    );
    for name in [&film, &copy] {
        assert!(
            chapter.contains(&format!("<p class=\"title\">{name}</p>")),
            "{name}"
        );
    }
    assert_eq!(chapter.matches("data:image/png;base64,").count(), 2);
    assert!(page.contains("was trained on duplicates of films"));
}
