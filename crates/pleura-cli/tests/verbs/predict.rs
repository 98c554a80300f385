use std::fs;

use pleura_draw::picture::Picture;
use pleura_film::{DecodeOptions, Preparation};
use pleura_nn::{Cpu, Network};

use crate::scene::{SIZE, Scene};

const NOTICE: &str = "Research use only. Not a medical device.";

#[test]
fn each_film_is_answered_on_its_own_line_and_by_the_network_itself() {
    let scene = Scene::new();
    let weights = scene.model("m.safetensors", &["COVID-19", "pneumonia", "normal"], "exclusive");
    let (a, b) = (scene.film("a.png", 1), scene.film("b.png", 2));
    let said = scene.run(&["predict", "--model", "m.safetensors", "a.png", "b.png", "--json"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let lines = said.json_lines();
    assert_eq!(lines.len(), 2);
    let network = Network::new(Cpu::new(), &weights).unwrap();
    let preparation = Preparation {
        size: SIZE,
        ..Preparation::default()
    };
    for (line, path) in lines.iter().zip([a, b]) {
        let film = pleura_film::open(&path, &DecodeOptions::default()).unwrap();
        let grey = pleura_film::prepare(&film, &preparation).unit_grey();
        let logits = network.infer(&grey, 1, SIZE).unwrap();
        let powers: Vec<f64> = logits.iter().map(|&logit| f64::from(logit).exp()).collect();
        for (index, finding) in weights.findings.iter().enumerate() {
            let logit = line["logits"][finding].as_f64().unwrap();
            assert!(
                (logit - f64::from(logits[index])).abs() < 1e-4 * logits[index].abs() as f64 + 1e-6,
                "{line}"
            );
            let probability = line["probabilities"][finding].as_f64().unwrap();
            assert!(
                (probability - powers[index] / powers.iter().sum::<f64>()).abs() < 1e-4,
                "{line}"
            );
        }
        assert_eq!(line["film"]["width"], 90);
        assert_eq!(
            (&line["film"]["steps"], &line["doubts"]),
            (&serde_json::json!([]), &serde_json::json!([]))
        );
        assert_eq!(line["model"]["digest"], weights.digest());
        assert_eq!(line["preparation"]["size"], SIZE);
        assert_eq!(line["notice"], NOTICE);
    }
    assert_eq!(
        (&lines[0]["path"], &lines[1]["path"]),
        (&"a.png".into(), &"b.png".into())
    );
    assert_ne!(lines[0]["logits"], lines[1]["logits"]);
}

#[test]
fn what_was_done_to_a_film_and_what_is_odd_about_it_is_said() {
    let scene = Scene::new();
    scene.model("m.safetensors", &["a", "b"], "exclusive");
    Picture::new(80, 70, [200, 40, 40])
        .save(&scene.path("red.png"))
        .unwrap();
    let line = &scene
        .run(&["predict", "--model", "m.safetensors", "red.png", "--json"])
        .json_lines()[0];
    assert_eq!(line["film"]["steps"][0]["step"], "luma");
    let doubts: Vec<&str> = line["doubts"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|doubt| doubt.as_str())
        .collect();
    assert!(
        doubts[0].contains("no contrast")
            && doubts[1].contains("is in colour (channels differ by up to 63 %)"),
        "{line}"
    );
    let said = scene.run(&["predict", "--model", "m.safetensors", "red.png"]);
    assert!(
        said.out.contains("  · turned colour into ITU-R 601 luma") && said.out.contains("  beware: "),
        "{}",
        said.out
    );
}

#[test]
fn independent_findings_are_answered_by_themselves() {
    let scene = Scene::new();
    scene.model("m.safetensors", &["Mass", "Edema"], "independent");
    scene.film("a.png", 1);
    let line = &scene
        .run(&["predict", "--model", "m.safetensors", "a.png", "--json"])
        .json_lines()[0];
    for finding in ["Mass", "Edema"] {
        let logit = line["logits"][finding].as_f64().unwrap();
        let probability = line["probabilities"][finding].as_f64().unwrap();
        assert!((probability - 1.0 / (1.0 + (-logit).exp())).abs() < 1e-12);
    }
}

#[test]
fn batch_and_threads_do_not_move_an_answer() {
    let scene = Scene::new();
    scene.model("m.safetensors", &["a", "b"], "exclusive");
    let films: Vec<String> = (0..5).map(|number| format!("{number}.png")).collect();
    for (number, film) in films.iter().enumerate() {
        scene.film(film, number);
    }
    let answers = |options: &[&str]| {
        let mut line = vec!["predict", "--model", "m.safetensors", "--json"];
        line.extend(options);
        line.extend(films.iter().map(String::as_str));
        scene.run(&line).out
    };
    let one = answers(&["--threads", "1"]);
    assert_eq!(one, answers(&["--threads", "3"]));
    let first = |text: &str| serde_json::from_str::<serde_json::Value>(text.lines().next().unwrap()).unwrap();
    let (whole, single) = (first(&one), first(&answers(&["--batch", "2"])));
    for finding in ["a", "b"] {
        let difference =
            whole["logits"][finding].as_f64().unwrap() - single["logits"][finding].as_f64().unwrap();
        assert!(difference.abs() < 1e-5, "{difference}");
    }
}

#[test]
fn a_film_that_cannot_be_read_keeps_no_other_from_its_answer() {
    let scene = Scene::new();
    scene.model("m.safetensors", &["a", "b"], "exclusive");
    scene.film("good.png", 1);
    fs::write(scene.path("notes.txt"), "not a film").unwrap();
    let whole = fs::read(scene.path("good.png")).unwrap();
    fs::write(scene.path("half.png"), &whole[..whole.len() / 2]).unwrap();
    let line = [
        "predict",
        "--model",
        "m.safetensors",
        "missing.png",
        "notes.txt",
        "half.png",
        "good.png",
    ];

    let said = scene.run(&[&line[..], &["--json"]].concat());
    assert_eq!(
        (said.code, said.err.as_str()),
        (2, "3 of 4 films could not be read\n")
    );
    let lines = said.json_lines();
    let errors: Vec<&str> = lines.iter().filter_map(|line| line["error"].as_str()).collect();
    assert_eq!(
        errors[0],
        "cannot read the film missing.png: No such file or directory (os error 2)"
    );
    assert!(
        errors[1].starts_with("notes.txt: not a PNG, JPEG, TIFF, BMP, WebP or DICOM file: "),
        "{}",
        errors[1]
    );
    assert!(
        errors[2].starts_with("half.png: ") && errors[2].contains("PNG"),
        "{}",
        errors[2]
    );
    assert!(lines[3]["probabilities"]["a"].is_number() && lines[3]["error"].is_null());

    let said = scene.run(&[&line[..], &["-q"]].concat());
    assert_eq!(said.code, 2);
    assert!(
        said.err.starts_with("pleura: cannot read the film missing.png: "),
        "{}",
        said.err
    );
    assert!(!said.err.contains("3 of 4"), "{}", said.err);
    assert!(
        said.out.contains("missing.png: not answered") && said.out.contains("good.png (PNG, 90×70, 8 bit)"),
        "{}",
        said.out
    );
    assert!(said.out.ends_with(&format!("{NOTICE}\n")), "{}", said.out);
}

/// A file system may hold names that are no text; JSON cannot.
#[cfg(unix)]
#[test]
fn a_film_whose_name_is_no_text_is_answered_too() {
    use std::os::unix::ffi::OsStrExt as _;

    let scene = Scene::new();
    scene.model("m.safetensors", &["a", "b"], "exclusive");
    let whole = fs::read(scene.film("a.png", 1)).unwrap();
    let name = std::ffi::OsStr::from_bytes(b"film\xff.png");
    if fs::write(scene.path("").join(name), whole).is_err() {
        // Nor can this file system.
        return;
    }
    let mut command = scene.command(&["predict", "--model", "m.safetensors", "--json"]);
    let said = scene.hear(command.arg(name));
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    assert_eq!(said.json()["path"], "film\u{fffd}.png");
    let mut command = scene.command(&["predict", "--model", "m.safetensors", "--json"]);
    let said = scene.hear(command.arg(std::ffi::OsStr::from_bytes(b"none\xff.png")));
    assert_eq!(said.json()["path"], "none\u{fffd}.png");
}

#[test]
fn wrong_models_are_named_with_what_to_do() {
    let scene = Scene::new();
    scene.film("a.png", 1);
    let error = |options: &[&str]| {
        let said = scene.run(&[&["predict", "a.png", "--model"], options].concat());
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{options:?}");
        said.err
    };
    assert_eq!(
        error(&["none.safetensors"]),
        "pleura: cannot read the model\n  because: cannot read none.safetensors: No such file or directory (os error 2)\n"
    );
    let not_weights = error(&["a.png"]);
    assert!(
        not_weights.contains("a.png: not a safetensors file") && not_weights.contains("`pleura import`"),
        "{not_weights}"
    );

    scene.bare_model("bare.safetensors", &["a", "b"]);
    // All that is missing, at once, with a command to copy.
    let all = error(&["bare.safetensors"]);
    for part in [
        "--kind exclusive|independent",
        "--size PIXELS",
        "--fit stretch|pad|crop",
        "`pleura import FILE",
    ] {
        assert!(all.contains(part), "{part}: {all}");
    }
    assert_eq!(
        error(&["bare.safetensors", "--kind", "independent", "--size", "64"]),
        "pleura: bare.safetensors: the weights do not say how films were prepared for them; add --size PIXELS and --fit \
         stretch|pad|crop (ImageNet's and CheXNet's: --size 224 --fit stretch)\n"
    );
    let small = error(&[
        "bare.safetensors",
        "--kind",
        "independent",
        "--size",
        "4",
        "--fit",
        "pad",
    ]);
    assert!(
        small.contains("needs films of at least") && small.contains("the size is 4; set another with --size"),
        "{small}"
    );

    scene.model("m.safetensors", &["a", "b"], "exclusive");
    let kind = error(&["m.safetensors", "--kind", "independent"]);
    assert!(
        kind.contains(
            "the task independent contradicts the weights, which were trained as exclusive; leave --kind out"
        ),
        "{kind}"
    );
    let fit = error(&["m.safetensors", "--fit", "pad"]);
    assert!(
        fit.contains("the size and fit that were set contradict the weights"),
        "{fit}"
    );
    let stage = error(&["m.safetensors", "--stage", "target"]);
    assert!(
        stage.contains("the stage \"target\" chooses within a run's folder"),
        "{stage}"
    );
    fs::create_dir(scene.path("folder")).unwrap();
    let folder = error(&["folder"]);
    assert!(
        folder.contains("folder: a folder without recipe.toml is not a run"),
        "{folder}"
    );
}

#[test]
fn weights_that_say_nothing_answer_when_told_how() {
    let scene = Scene::new();
    scene.film("a.png", 1);
    scene.model("m.safetensors", &["a", "b"], "exclusive");
    scene.bare_model("bare.safetensors", &["a", "b"]);
    let line = |model: &str, options: &[&str]| {
        let said = scene.run(&[&["predict", "a.png", "--json", "--model", model], options].concat());
        said.json_lines().remove(0)
    };
    let told = ["--kind", "exclusive", "--size", "64", "--fit", "stretch"];
    assert_eq!(
        line("bare.safetensors", &told)["logits"],
        line("m.safetensors", &[])["logits"]
    );
    // Saying again what the weights say is no contradiction.
    assert_eq!(
        line("m.safetensors", &told)["logits"],
        line("m.safetensors", &[])["logits"]
    );
    let padded = line(
        "bare.safetensors",
        &["--kind", "exclusive", "--size", "64", "--fit", "pad"],
    );
    assert_ne!(padded["logits"], line("m.safetensors", &[])["logits"]);
}
