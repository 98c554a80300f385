//! Films without contrast, from the manifest to the answer.

use pleura_film::grey_png_8;
use pleura_manifest::Manifest;

use crate::scene::{HEIGHT, Scene, WIDTH};

/// A folder of two classes, 12 films each. Four films of `sick` are black.
fn scene() -> Scene {
    let scene = Scene::new();
    for film in 0..12 {
        scene.film(&format!("set/well/w{film}.png"), film);
        if film % 3 == 0 {
            // Black but for one pixel: equal files would be one film.
            let mut grey = vec![0; WIDTH * HEIGHT];
            grey[film] = 255;
            let black = grey_png_8(WIDTH, HEIGHT, &grey).unwrap();
            scene.bytes(&format!("set/sick/s{film}.png"), &black);
        } else {
            scene.film(&format!("set/sick/s{film}.png"), 20 + film);
        }
    }
    scene
}

/// Builds and splits the manifest `set.csv`.
fn build(scene: &Scene) -> String {
    let built = scene.run(&["data", "build", "--folder", "set", "--out", "set.csv"]);
    assert_eq!(built.code, 0, "{}", built.err);
    assert_eq!(scene.run(&["data", "split", "set.csv", "--seed", "1"]).code, 0);
    built.out
}

const RECIPE: &str = r#"
architecture = "small"
preparation = { size = 64 }
[[stage]]
name = "target"
kind = "exclusive"
manifest = "set.csv"
epochs = 1
batch = 4
"#;

#[test]
fn black_films_are_marked_shown_and_left_out_of_training() {
    let scene = scene();
    let built = build(&scene);
    assert!(built.contains("4  films without contrast"), "{built}");
    let manifest = Manifest::read(&scene.path("set.csv")).unwrap();
    let marked = manifest
        .rows
        .iter()
        .filter(|row| manifest.contrast_fault(row).is_some());
    let marked: Vec<&str> = marked.map(|row| row.path.to_str().unwrap()).collect();
    assert_eq!(marked.len(), 4);
    assert!(marked.iter().all(|path| path.contains("sick")), "{marked:?}");

    let checked = scene.run(&["data", "check", "set.csv"]);
    assert!(
        checked.out.contains("4  films without contrast"),
        "{}",
        checked.out
    );
    let described = scene.run(&["data", "describe", "set.csv"]);
    assert!(
        described.out.contains("4 films without contrast"),
        "{}",
        described.out
    );
    let audited = scene.run(&["audit", "set.csv", "--json"]).json();
    let checks = audited["checks"].as_array().unwrap();
    let contrast = checks.iter().find(|check| check["name"] == "contrast").unwrap();
    assert_eq!(contrast["verdict"], "alarm");

    scene.write("recipe.toml", RECIPE);
    let trained = scene.run(&["train", "recipe.toml", "--out", "run"]);
    assert_eq!(trained.code, 0, "{}", trained.err);
    assert!(
        trained.err.contains("films left out, without contrast"),
        "{}",
        trained.err
    );
}

#[test]
fn manifest_without_marks_is_refused_before_the_first_step() {
    let scene = scene();
    build(&scene);
    let mut manifest = Manifest::read(&scene.path("set.csv")).unwrap();
    let column = manifest.note("contrast").unwrap();
    for row in &mut manifest.rows {
        row.notes[column].clear();
    }
    manifest.write(&scene.path("set.csv")).unwrap();
    scene.write("recipe.toml", RECIPE);
    let trained = scene.run(&["train", "recipe.toml", "--out", "run"]);
    assert_eq!(trained.code, 2);
    for part in ["4 of 24 films have no contrast", "data build"] {
        assert!(trained.err.contains(part), "{part}: {}", trained.err);
    }
}

#[test]
fn prediction_and_heatmap_of_a_black_film_carry_a_doubt() {
    let scene = scene();
    scene.model("model.safetensors", &["sick", "well"], "exclusive");
    let predict = |film: &str| {
        let said = scene.run(&["predict", "--model", "model.safetensors", film, "--json"]);
        said.json()
    };
    let explain = ["explain", "--model", "model.safetensors", "--out", "maps"];
    let (black, film) = ("set/sick/s0.png", "set/well/w1.png");
    let heatmap = |film: &str| scene.run(&[&explain[..], &[film, "--json"]].concat()).json();
    for (document, contrast) in [(predict(black), "/film/contrast"), (heatmap(black), "/contrast")] {
        assert!(
            document["doubts"].to_string().contains("no contrast"),
            "{document}"
        );
        // One pixel of 90 × 70 is white, all others are black.
        let share = document.pointer(&format!("{contrast}/fault/value"));
        assert!(
            (share.unwrap().as_f64().unwrap() - 6299.0 / 6300.0).abs() < 1e-6,
            "{document}"
        );
        assert_eq!(document.pointer(&format!("{contrast}/range")).unwrap(), 0.0);
    }
    for (document, contrast) in [(predict(film), "/film/contrast"), (heatmap(film), "/contrast")] {
        assert_eq!(document["doubts"].to_string(), "[]");
        assert!(
            document.pointer(&format!("{contrast}/fault")).unwrap().is_null(),
            "{document}"
        );
    }
    let said = scene.run(&[&explain[..], &[black]].concat());
    assert!(
        said.out.contains("beware: the film has no contrast"),
        "{}",
        said.out
    );
}

/// Marked films are left out and counted. Without marks they are measured, counted and named.
#[test]
fn evaluation_counts_films_without_contrast() {
    let scene = scene();
    build(&scene);
    scene.model("model.safetensors", &["sick", "well"], "exclusive");
    let evaluate = |manifest: &str| {
        let arguments = ["evaluate", "model.safetensors", "--manifest", manifest];
        let options = ["--split", "all", "--bootstrap", "0", "--json"];
        scene.run(&[&arguments[..], &options[..]].concat()).json()
    };
    let marked = evaluate("set.csv");
    assert_eq!(
        (
            &marked["data"]["without_contrast"],
            &marked["data"]["without_label"]
        ),
        (&4.into(), &0.into())
    );
    assert!(
        marked["notes"]
            .to_string()
            .contains("4 films of the split have no contrast and were left out")
    );

    let mut manifest = Manifest::read(&scene.path("set.csv")).unwrap();
    let column = manifest.note("contrast").unwrap();
    for row in &mut manifest.rows {
        row.notes[column].clear();
    }
    manifest.write(&scene.path("bare.csv")).unwrap();
    let bare = evaluate("bare.csv");
    assert_eq!(bare["data"]["without_contrast"], 0);
    let notes = bare["notes"].to_string();
    for part in ["4 of 24 films have no contrast", "data build"] {
        assert!(notes.contains(part), "{part}: {notes}");
    }
}
