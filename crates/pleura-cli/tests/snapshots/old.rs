//! A run and a package that an earlier program wrote, in `tests/fixtures/old`: they open, and give the
//! answers that they gave.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use pleura_film::DecodeOptions;

use crate::scene::Scene;

/// Logits on other instruction sets differ less than this.
const TOLERANCE: f64 = 1e-4;

/// A copy of the old folder: films, `run`, `old.pleura` and the key of its maker.
pub(crate) fn scene() -> Scene {
    let scene = Scene::new();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/old");
    let mut folders = vec![fixture.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&fixture).unwrap().to_str().unwrap();
                scene.bytes(name, &fs::read(&path).unwrap());
            }
        }
    }
    let recipe = fs::read_to_string(scene.path("run/recipe.toml")).unwrap();
    let folder = scene.path("").to_string_lossy().trim_end_matches('/').to_owned();
    scene.write("run/recipe.toml", &recipe.replace("/tmp/old", &folder));
    scene
}

/// Rows of a CSV file without quotes, by the first column; each cell by its column.
fn table(path: &Path) -> BTreeMap<String, BTreeMap<String, String>> {
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let columns: Vec<&str> = lines.next().unwrap().split(',').collect();
    lines
        .map(|line| {
            let cells = columns.iter().zip(line.split(','));
            let row: BTreeMap<String, String> = cells
                .map(|(name, cell)| ((*name).to_owned(), cell.to_owned()))
                .collect();
            (row[columns[0]].clone(), row)
        })
        .collect()
}

#[test]
fn the_old_run_gives_the_answers_that_it_gave() {
    let scene = scene();
    let said = scene.run(&[
        "evaluate",
        "run",
        "--manifest",
        "films/manifest.csv",
        "--bootstrap",
        "0",
        "--no-calibration",
        "--predictions",
        "now.csv",
        "--json",
    ]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let (then, now) = (
        table(&scene.path("run/stages/target/test.csv")),
        table(&scene.path("now.csv")),
    );
    assert!(then.len() == 11 && then.keys().eq(now.keys()), "{:?}", now.keys());
    let mut compared = 0;
    for (film, row) in &then {
        assert!(row.keys().eq(now[film].keys()), "{film}");
        for (column, then) in row {
            let now = &now[film][column];
            match (then.parse::<f64>(), now.parse::<f64>()) {
                (Ok(then), Ok(now)) => {
                    assert!(
                        (then - now).abs() < TOLERANCE,
                        "{film}, {column}: {then}, now {now}"
                    );
                    compared += 1;
                }
                _ => assert_eq!(then, now, "{film}, {column}"),
            }
        }
    }
    assert_eq!(compared, 11 * 6, "three probabilities and three logits a film");
    let metrics = fs::read_to_string(scene.path("run/stages/target/metrics.json")).unwrap();
    let metrics: serde_json::Value = serde_json::from_str(&metrics).unwrap();
    assert_eq!(
        said.json()["overall"]["accuracy"]["value"],
        metrics["overall"]["accuracy"]["value"]
    );
}

#[test]
fn the_old_package_answers_as_its_run_did() {
    let scene = scene();
    let said = scene.run(&["package", "verify", "old.pleura", "--trust", "maker.public.pem"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let then = table(&scene.path("run/stages/target/test.csv"));
    for (film, row) in &then {
        let path = format!("films/films/{film}.png");
        let packaged = scene
            .run(&["predict", "--model", "old.pleura", "--anyway", "--json", &path])
            .json();
        let own = scene.run(&["predict", "--model", "run", "--json", &path]).json();
        for finding in ["normal", "pneumonia", "COVID-19"] {
            let logit: f64 = row[&format!("logit:{finding}")].parse().unwrap();
            let now = packaged["logits"][finding].as_f64().unwrap();
            assert!(
                (logit - now).abs() < TOLERANCE,
                "{film}, {finding}: {logit}, now {now}"
            );
            assert_eq!(
                packaged["probabilities"][finding], own["probabilities"][finding],
                "{film}"
            );
        }
    }
}

#[test]
fn phantoms_of_a_seed_are_the_films_that_they_were() {
    let scene = scene();
    for line in [
        &[
            "data",
            "phantoms",
            "--set",
            "target",
            "--films",
            "48",
            "--size",
            "48",
            "--seed",
            "5",
            "--difficulty",
            "0",
            "--out",
            "now",
        ][..],
        &[
            "data",
            "split",
            "now/manifest.csv",
            "--seed",
            "1",
            "--fractions",
            "0.5,0.25,0.25",
        ],
    ] {
        assert_eq!(scene.run(line).code, 0);
    }
    let (then, now) = (
        table(&scene.path("films/manifest.csv")),
        table(&scene.path("now/manifest.csv")),
    );
    assert!(then.len() == 48 && then.keys().eq(now.keys()));
    let pixels = |path: &str| {
        pleura_film::open(&scene.path(path), &DecodeOptions::default())
            .unwrap()
            .grey
    };
    let mut moved = 0;
    for (film, row) in &then {
        for (column, cell) in row {
            // The digest is the file's: another compression is another file.
            assert!(
                column == "sha256" || *cell == now[film][column],
                "{film}, {column}"
            );
        }
        for file in ["films", "masks/lung", "masks/lesion", "masks/text"] {
            let [then, now] = ["films", "now"].map(|set| pixels(&format!("{set}/{file}/{film}.png")));
            assert_eq!(then.len(), now.len(), "{film}");
            for (then, now) in then.iter().zip(&now) {
                // Sines and exponentials of another C library may round a level up or down.
                assert!(
                    then == now || (file == "films" && (then - now).abs() < 1.5 / 255.0),
                    "{film}, {file}"
                );
                moved += usize::from(then != now);
            }
        }
    }
    assert!(moved < 48 * 48 / 10, "{moved} pixels moved by a level");
}
