//! Lungs on phantoms: masks, manifests, and models that see only lungs.

use pleura_manifest::Manifest;

use crate::scene::Scene;

/// A scene with 24 phantoms in `phantoms/`.
fn scene() -> Scene {
    let scene = Scene::new();
    let drawn = scene.run(&["data", "phantoms", "--films", "24", "--out", "phantoms"]);
    assert_eq!(drawn.code, 0, "{}", drawn.err);
    scene
}

#[test]
fn a_manifest_gets_masks_beside_those_that_people_have_drawn() {
    let scene = scene();
    let table = scene.path("phantoms/manifest.csv");
    let mut manifest = Manifest::read(&table).unwrap();
    let compared = scene.run(&["data", "lungs", "phantoms/manifest.csv", "--compare", "--json"]);
    assert_eq!(compared.code, 0, "{}", compared.err);
    let sources: serde_json::Value = serde_json::from_str(&compared.out).unwrap();
    assert!(
        sources[0]["dice"]["value"].as_f64().unwrap() > 0.5,
        "{}",
        compared.out
    );

    // Two keep their drawn masks.
    for row in manifest.rows.iter_mut().skip(2) {
        row.masks.lung = None;
    }
    manifest.write(&table).unwrap();
    let found = scene.run(&[
        "data",
        "lungs",
        "phantoms/manifest.csv",
        "--out",
        "lungs.csv",
        "--json",
    ]);
    assert_eq!(found.code, 0, "{}", found.err);
    let counts: serde_json::Value = serde_json::from_str(&found.out).unwrap();
    assert_eq!(counts["drawn"], 2);
    let masked = Manifest::read(&scene.path("lungs.csv")).unwrap();
    let model = masked.note(pleura_manifest::LUNG_MODEL).unwrap();
    let of_model: Vec<bool> = masked
        .rows
        .iter()
        .map(|row| !row.notes[model].is_empty())
        .collect();
    assert_eq!(of_model[..2], [false, false]);
    let with = of_model.iter().filter(|&&found| found).count();
    assert_eq!(counts["found"], with);
    for row in masked.rows.iter().filter(|row| row.masks.lung.is_some()) {
        let mask = pleura_manifest::open_mask(&masked.locate(row.masks.lung.as_deref().unwrap())).unwrap();
        let film = pleura_film::open(&masked.file(row), &pleura_film::DecodeOptions::default()).unwrap();
        assert_eq!((mask.width, mask.height), (film.width, film.height));
    }
    // A second time nothing changes.
    let before = std::fs::read(scene.path("lungs.csv")).unwrap();
    assert_eq!(scene.run(&["data", "lungs", "lungs.csv"]).code, 0);
    assert_eq!(std::fs::read(scene.path("lungs.csv")).unwrap(), before);
}

#[test]
fn lungs_of_films_are_written_and_other_pictures_have_none() {
    let scene = scene();
    let manifest = Manifest::read(&scene.path("phantoms/manifest.csv")).unwrap();
    let film = manifest.file(&manifest.rows[0]).display().to_string();
    let noise: Vec<u8> = (0..96 * 96).map(|pixel| (pixel * 7919 % 251) as u8).collect();
    scene.bytes("noise.png", &pleura_film::grey_png_8(96, 96, &noise).unwrap());
    let done = scene.run(&["lungs", &film, "noise.png", "--out", "masks"]);
    assert_eq!(done.code, 1, "{}{}", done.out, done.err);
    assert!(done.out.contains("noise.png: no lungs: "), "{}", done.out);
    assert!(done.out.contains("Research use only"), "{}", done.out);
    assert!(scene.path("masks/noise-outline.png").exists());
    assert!(!scene.path("masks/noise-lungs.png").exists());
    let twice = scene.run(&["lungs", "noise.png", "./noise.png", "--out", "masks"]);
    assert!(twice.err.contains("two films are called noise"), "{}", twice.err);
}

#[test]
fn a_network_that_sees_only_lungs_says_when_there_are_none() {
    let scene = scene();
    let recipe = r#"
architecture = "small"
preparation = { size = 64, lungs = "mask" }
[[stage]]
name = "target"
kind = "exclusive"
manifest = "phantoms/manifest.csv"
epochs = 1
batch = 8
"#;
    scene.write("lungs.toml", recipe);
    let split = scene.run(&["data", "split", "phantoms/manifest.csv", "--seed", "1"]);
    assert_eq!(split.code, 0, "{}", split.err);
    let trained = scene.run(&["train", "lungs.toml", "--out", "run", "--quiet"]);
    assert_eq!(trained.code, 0, "{}", trained.err);
    let noise: Vec<u8> = (0..96 * 96).map(|pixel| (pixel * 7919 % 251) as u8).collect();
    scene.bytes("noise.png", &pleura_film::grey_png_8(96, 96, &noise).unwrap());
    let answer = scene.run(&["predict", "--model", "run", "noise.png"]);
    assert!(
        answer.out.contains("the lungs were not found") && answer.out.contains("the whole film was used"),
        "{}",
        answer.out
    );
    // Training, prediction and heatmaps see the same pixels.
    let shown = scene.run(&["weights", "show", "run/stages/target/best.safetensors", "--json"]);
    assert!(shown.out.contains("margin_percent"), "{}", shown.out);
}
