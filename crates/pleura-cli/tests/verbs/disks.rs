//! Folders that cannot be written, names that are too long, full disks, and other locales.

#![cfg(unix)]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Stdio;

use pleura_manifest::Split;

use crate::scene::{Said, Scene};

const RECIPE: &str = r#"
architecture = "small"
preparation = { size = 64 }
[[stage]]
name = "target"
kind = "exclusive"
manifest = "m.csv"
epochs = 1
batch = 4
"#;

#[test]
fn cache_that_cannot_be_made_names_the_option_that_moves_it() {
    let scene = Scene::new();
    scene.manifest("m.csv", &["a", "b"], 16, |film| {
        Some([Split::Train, Split::Train, Split::Validation, Split::Test][film / 2 % 4])
    });
    scene.write("recipe.toml", RECIPE);
    // A file in the place of the folder, as a read-only disk would be: root may write everywhere else.
    scene.write(".pleura-cache", "");
    let said = scene.run(&["train", "recipe.toml", "--out", "run"]);
    assert_eq!(said.code, 2);
    for part in ["cannot create the film cache", ".pleura-cache", "--cache DIR"] {
        assert!(said.err.contains(part), "{part}: {}", said.err);
    }
    let said = scene.run(&[
        "train",
        "recipe.toml",
        "--out",
        "run",
        "--resume",
        "--cache",
        "elsewhere",
    ]);
    assert_eq!(said.code, 0, "{}", said.err);
}

/// A manifest of two classes in three splits, a run trained on it, weights, a folder of classes, and a file in
/// the place of a folder: root may write everywhere else.
fn scene() -> Scene {
    let scene = Scene::new();
    scene.manifest("m.csv", &["a", "b"], 16, |film| {
        Some([Split::Train, Split::Train, Split::Validation, Split::Test][film / 2 % 4])
    });
    for film in 0..4 {
        scene.film(&format!("set/{}/{film}.png", ["a", "b"][film % 2]), 30 + film);
    }
    scene.write("recipe.toml", RECIPE);
    let study = RECIPE.replace("[[stage]]", "[[recipe.stage]]");
    let head = "name = \"s\"\nseeds = [1, 2]\nepochs = [1]\n[[variant]]\nname = \"plain\"\n[[variant]]\nname = \"slow\"\nset.stage.target.learning_rate = 1e-4\n[recipe]";
    scene.write("study.toml", &format!("{head}{study}"));
    scene.model("model.safetensors", &["a", "b"], "exclusive");
    let said = scene.run(&["train", "recipe.toml", "--out", "run"]);
    assert_eq!(said.code, 0, "{}", said.err);
    scene.write("file", "");
    scene
}

/// Every command that writes, with `OUT` in the place of a folder, and the option that the message must name.
const WRITERS: [(&[&str], &str); 17] = [
    (
        &["data", "build", "--folder", "set", "--out", "OUT/m.csv"],
        "--out",
    ),
    (&["data", "split", "m.csv", "--out", "OUT/m.csv"], "--out"),
    (&["data", "describe", "m.csv", "--out", "OUT/m.html"], "--out"),
    (
        &["data", "duplicates", "m.csv", "--no-record", "--out", "OUT/pairs"],
        "--out",
    ),
    (
        &[
            "data",
            "phantoms",
            "--set",
            "target",
            "--films",
            "9",
            "--size",
            "64",
            "--out",
            "OUT/films",
        ],
        "--out",
    ),
    (
        &[
            "data",
            "fractals",
            "--classes",
            "2",
            "--instances",
            "2",
            "--size",
            "64",
            "--out",
            "OUT/films",
        ],
        "--out",
    ),
    (&["train", "recipe.toml", "--out", "OUT/run"], "--out"),
    (&["study", "study.toml", "--out", "OUT/study"], "--out"),
    (
        &["calibrate", "run", "--bootstrap", "0", "--out", "OUT/c.json"],
        "--out",
    ),
    (&["package", "run", "--out", "OUT/m.pleura"], "--out"),
    (&["package", "card", "--out", "OUT/card.toml"], "--out"),
    (&["package", "key", "OUT/maker"], "NAME"),
    (
        &[
            "explain",
            "--model",
            "model.safetensors",
            "films/0.png",
            "--out",
            "OUT/maps",
        ],
        "--out",
    ),
    (&["audit", "m.csv", "--out", "OUT/audit"], "--out"),
    (&["audit", "text", "films/0.png", "--out", "OUT/text"], "--out"),
    (
        &["export", "model.safetensors", "--torch", "OUT/w.safetensors"],
        "--torch",
    ),
    (&["report", "run", "--plots", "OUT/plots"], "--plots"),
];

fn write_into(scene: &Scene, arguments: &[&str], folder: &str) -> Said {
    let arguments: Vec<String> = arguments.iter().map(|word| word.replace("OUT", folder)).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    scene.run(&arguments)
}

/// A file where a folder is wanted, a folder of the system, a name of 300 bytes, and a path of 6,000.
#[test]
fn every_command_that_cannot_write_names_the_option_that_helps() {
    let scene = scene();
    let long = "n".repeat(300);
    let deep = ["d".repeat(200).as_str(); 30].join("/");
    let places = [
        ("file", "a file is in the place of a folder"),
        ("/sys", ""),
        (long.as_str(), "too long"),
        (deep.as_str(), "too long"),
    ];
    let mut faults = Vec::new();
    for (arguments, option) in WRITERS {
        for (place, because) in places {
            let said = write_into(&scene, arguments, place);
            let fine = said.code == 2
                && said.err.contains("cannot ")
                && said.err.contains(because)
                && said.err.contains(&format!("with {option}"));
            if !fine {
                let place: String = place.chars().take(20).collect();
                faults.push(format!("{arguments:?} into {place}: {} {}", said.code, said.err));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_full_disk_is_named() {
    let scene = scene();
    for arguments in [
        &["predict", "--model", "model.safetensors", "films/0.png"][..],
        &["predict", "--model", "model.safetensors", "films/0.png", "--json"],
        &["data", "describe", "m.csv"],
        &[
            "evaluate",
            "model.safetensors",
            "--manifest",
            "m.csv",
            "--bootstrap",
            "0",
        ],
    ] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = scene.command(arguments);
        let output = command.stdout(Stdio::from(full)).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {err}");
        assert!(err.contains("the disk is full"), "{arguments:?}: {err}");
    }
}

/// The lower case of I is no i in Turkish, and C knows no letter beyond ASCII.
#[test]
fn the_locale_changes_nothing() {
    let scene = Scene::new();
    for film in 0..6 {
        scene.film(
            &format!(
                "Gruß İzmir/{}/FILM{film}.PNG",
                ["Infiltration", "NORMAL"][film % 2]
            ),
            film,
        );
    }
    scene.write(
        "list.csv",
        "film,path,INFILTRATION\n1,Gruß İzmir/NORMAL/FILM1.PNG,1\n",
    );
    let build = |locale: &str| {
        let mut results = Vec::new();
        for arguments in [
            &["data", "build", "--folder", "Gruß İzmir", "--out", "m.csv"][..],
            &[
                "data",
                "build",
                "--folder",
                "Gruß İzmir",
                "--classes",
                "i = infiltration; n = normal",
                "--out",
                "c.csv",
            ],
            &["data", "build", "--manifest", "list.csv", "--out", "l.csv"],
            &["data", "describe", "m.csv"],
        ] {
            let mut command = scene.command(arguments);
            for variable in ["LC_ALL", "LANG", "LANGUAGE"] {
                command.env(variable, locale);
            }
            let said = scene.hear(&mut command);
            results.push((said.code, said.out, said.err));
        }
        let tables = ["m.csv", "l.csv"].map(|name| std::fs::read(scene.path(name)).ok());
        (results, tables)
    };
    let plain = build("en_US.UTF-8");
    assert_eq!(plain.0[0].0, 0, "{:?}", plain.0[0]);
    for locale in ["C", "POSIX", "tr_TR.UTF-8", "de_DE.ISO-8859-1"] {
        assert_eq!(build(locale), plain, "{locale}");
    }
}

#[test]
fn names_that_are_not_utf_8_are_answered_explained_and_counted() {
    let scene = Scene::new();
    scene.model("model.safetensors", &["a", "b"], "exclusive");
    scene.film("set/a/1.png", 1);
    scene.film("set/b/2.png", 2);
    let odd = scene.path("set/a").join(OsStr::from_bytes(b"fil\xe9.png"));
    std::fs::copy(scene.path("set/a/1.png"), &odd).unwrap();
    let mut command = scene.command(&["predict", "--model", "model.safetensors", "--json"]);
    let said = scene.hear(command.arg(&odd));
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.json()["path"].as_str().unwrap().contains('\u{fffd}'));
    let mut command = scene.command(&["explain", "--model", "model.safetensors", "--out", "maps"]);
    let said = scene.hear(command.arg(&odd));
    assert_eq!(said.code, 0, "{}", said.err);
    let said = scene.run(&["data", "build", "--folder", "set", "--out", "m.csv"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("UTF-8"), "{}", said.out);
}

/// The pairs are recorded beside the manifest, unless they are only wanted on the screen.
#[test]
fn duplicates_of_a_manifest_that_cannot_be_written_beside_name_no_record() {
    let scene = scene();
    // A folder in the place of the sidecar.
    std::fs::create_dir(scene.path("m.json")).unwrap();
    let said = scene.run(&["data", "duplicates", "m.csv"]);
    assert_eq!(said.code, 2, "{}", said.err);
    assert!(said.err.contains("--no-record"), "{}", said.err);
}
