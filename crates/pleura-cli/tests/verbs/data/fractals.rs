//! Fractals on disk, and a run of nothing but fractals with every verb that asks for films.

use pleura_manifest::Manifest;

use crate::scene::Scene;

#[test]
fn a_set_is_the_same_for_the_same_options() {
    let scene = Scene::new();
    let digest = |seed: &str, out: &str| {
        let said = scene.run(&[
            "data",
            "fractals",
            "--classes",
            "3",
            "--instances",
            "2",
            "--held-out",
            "1",
            "--size",
            "32",
            "--seed",
            seed,
            "--rendering",
            "density",
            "--filling-rate",
            "0.1",
            "--variation",
            "0.3",
            "--out",
            out,
            "--json",
        ]);
        assert_eq!(said.code, 0, "{}", said.err);
        said.json()["digest"].as_str().unwrap().to_owned()
    };
    let one = digest("1", "one");
    assert_eq!(one, digest("1", "again"));
    assert_ne!(one, digest("2", "other"));
    let manifest = Manifest::read(&scene.path("one/manifest.csv")).unwrap();
    assert_eq!((manifest.rows.len(), manifest.findings.len()), (9, 3));
    assert!(scene.path("one/sheet.png").exists());
}

#[test]
fn what_cannot_be_drawn_says_why() {
    let scene = Scene::new();
    for (option, value, says) in [
        (
            "--filling-rate",
            "0.5",
            "fractals: filling_rate: found 0.5, expected above 0 and at most 0.3",
        ),
        (
            "--classes",
            "1",
            "fractals: classes: found 1, expected 2 to 10000",
        ),
    ] {
        let said = scene.run(&["data", "fractals", option, value, "--out", "set"]);
        assert_eq!(said.code, 2);
        assert!(said.err.contains(says), "{}", said.err);
        assert!(!scene.path("set").exists());
    }
}

#[test]
fn a_run_of_fractals_alone_has_a_report_and_asks_nobody_for_films() {
    let scene = Scene::new();
    scene.write(
        "recipe.toml",
        r#"
preparation = { size = 32 }
[architecture]
name = "tiny"
stem = { channels = 4, convolution = { kernel = 3, stride = 2, padding = 1 } }
growth = 4
bottleneck = 2
blocks = [1, 1]
[[stage]]
name = "source"
kind = "exclusive"
epochs = 1
[stage.fractals]
classes = 2
instances = 8
held_out = 2
filling_rate = 0.1
"#,
    );
    let said = scene.run(&["train", "recipe.toml", "--out", "run"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let page = std::fs::read_to_string(scene.path("run/report.html")).unwrap();
    assert!(page.contains("Fractals of 2 classes, drawn by formula"));
    assert!(!page.contains("is missing, so this report"));
    for verb in [&["calibrate", "run"][..], &["audit", "run"]] {
        let said = scene.run(verb);
        assert_eq!(said.code, 2, "{verb:?}");
        assert!(said.err.contains("trained on fractals"), "{verb:?}: {}", said.err);
    }
    let said = scene.run(&["train", "recipe.toml", "--out", "folds", "--folds", "3"]);
    assert!(
        said.code == 2 && said.err.contains("without --folds"),
        "{}",
        said.err
    );
}
