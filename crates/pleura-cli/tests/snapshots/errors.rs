//! Messages of what cannot be done.

use crate::scene::Scene;
use crate::session::{Figures, Session};

const ROUNDED: Figures = Figures::Rounded;

#[test]
fn command_lines() {
    let scene = Scene::new();
    scene.model("m.safetensors", &["sick", "well"], "exclusive");
    scene.film("a.png", 1);
    Session::new(&scene, ROUNDED)
        .run("nonsense")
        .run("predict")
        .run("predict a.png --model m.safetensors --batch 0")
        .run("evaluate m.safetensors --manifest m.csv --split tset")
        .run("doctor --jsn")
        .run("predict a.png --model m.safetensors --anyway")
        .run("predict a.png --model m.safetensors --kind independent")
        .run("predict a.png --model m.safetensors --fit pad")
        .run("predict a.png --model m.safetensors --stage target")
        .run("explain a.png --model m.safetensors --finding Mass")
        .run("explain a.png --model m.safetensors --raw maps.txt")
        .run("export m.safetensors --torch m.safetensors")
        .run("export m.safetensors")
        .run("data build --out m.csv")
        .run("data fractals --classes 1 --out set")
        .run("study study.toml")
        .run("audit")
        .run("package m.safetensors --out m.pleura")
        .run("weights fetch resnet50")
        .freeze("errors-of-command-lines");
}

#[test]
fn models() {
    let scene = Scene::new();
    scene.bare_model("bare.safetensors", &["sick", "well"]);
    scene.film("a.png", 1);
    scene.write("folder/notes.txt", "nothing");
    scene.write("text.pth", "no weights at all");
    Session::new(&scene, ROUNDED)
        .run("predict a.png --model none.safetensors")
        .run("predict a.png --model a.png")
        .run("predict a.png --model folder")
        .run("predict a.png --model bare.safetensors")
        .run("predict a.png --model bare.safetensors --kind independent --size 64")
        .run("predict a.png --model bare.safetensors --kind independent --size 4 --fit pad")
        .run("import text.pth --arch small --out w.safetensors")
        .run("import bare.safetensors --arch densenet121 --out w.safetensors")
        .run("weights show a.png")
        .run("package verify none.pleura")
        .run("package verify a.png")
        .run("report folder")
        .freeze("errors-of-models");
}

#[test]
fn films() {
    let scene = Scene::new();
    scene.model("m.safetensors", &["sick", "well"], "exclusive");
    scene.write("notes.txt", "not a film");
    let whole = std::fs::read(scene.film("whole.png", 1)).unwrap();
    scene.bytes("half.png", &whole[..whole.len() / 2]);
    scene.bytes("empty.png", &[]);
    let dicom = [&[0; 128][..], b"DICM", &[2, 0, 0x10, 0]].concat();
    scene.bytes("broken.dcm", &dicom);
    Session::new(&scene, ROUNDED)
        .run("predict --model m.safetensors missing.png -q")
        .run("predict --model m.safetensors notes.txt -q")
        .run("predict --model m.safetensors half.png -q")
        .run("predict --model m.safetensors empty.png -q")
        .run("predict --model m.safetensors broken.dcm -q")
        .run("explain --model m.safetensors half.png --out maps -q")
        .freeze("errors-of-films");
}

#[test]
fn tables() {
    let scene = Scene::new();
    scene.model("m.safetensors", &["sick", "well"], "exclusive");
    scene.manifest("m.csv", &["sick", "well"], 4, |_| None);
    let text = std::fs::read_to_string(scene.path("m.csv")).unwrap();
    // The second film's label of the first finding.
    scene.write("label.csv", &text.replacen("0,1\n", "maybe,1\n", 1));
    scene.write("short.csv", &text.replacen("0,1\n", "0\n", 1));
    scene.write("columns.csv", "colour,shape\nred,round\n");
    scene.write("answers.csv", "film,truth:sick\n1,2\n");
    scene.write(
        "third.csv",
        &text.replace("sick", "ill").replace("well", "healthy"),
    );
    Session::new(&scene, ROUNDED)
        .run("data check none.csv")
        .run("data check label.csv")
        .run("data check short.csv")
        .run("data check columns.csv")
        .run("data split m.csv --fractions 0.5,-0.5,0.5")
        .run("data build --manifest columns.csv --out out.csv")
        .run("data build --nih films --out out.csv")
        .run("evaluate answers.csv")
        .run("evaluate m.safetensors --manifest m.csv")
        .run("evaluate m.safetensors --manifest third.csv --split all")
        .run("evaluate m.safetensors --manifest m.csv --split all --prevalence 0.1")
        .run("calibrate m.safetensors --manifest m.csv --split test")
        .run("audit text --manifest m.csv --split test")
        .freeze("errors-of-tables");
}

#[test]
fn recipes() {
    let scene = Scene::new();
    scene.manifest("m.csv", &["sick", "well"], 4, |_| None);
    let recipe = "architecture = \"small\"\npreparation = { size = 64 }\n[[stage]]\nname = \"a\"\nkind = \"exclusive\"\nmanifest = \"m.csv\"\nepochs = 1\n";
    scene.write("recipe.toml", recipe);
    scene.write("key.toml", &recipe.replace("epochs", "epoch"));
    scene.write("kind.toml", &recipe.replace("exclusive", "inclusive"));
    scene.write("architecture.toml", &recipe.replace("small", "densenet264"));
    scene.write("lost.toml", &recipe.replace("m.csv", "lost.csv"));
    scene.write("broken.toml", "= nothing\n");
    scene.write("thresholds.toml", "skil = 2.0\n");
    Session::new(&scene, ROUNDED)
        .run("train none.toml --out run")
        .run("train broken.toml --out run")
        .run("train key.toml --out run")
        .run("train kind.toml --out run")
        .run("train architecture.toml --out run")
        .run("train lost.toml --out run")
        .run("train recipe.toml --out run")
        .run("train recipe.toml --out run --folds 3")
        .run("study recipe.toml --out study")
        .run("audit m.csv --thresholds thresholds.toml")
        .freeze("errors-of-recipes");
}
