//! Verbs that need a run or a package: those of an earlier program, kept in `tests/fixtures/old`, so that
//! nothing is trained here.

use crate::old;
use crate::session::{Figures, Session};

const ROUNDED: Figures = Figures::Rounded;

#[test]
fn evaluate() {
    let scene = old::scene();
    Session::new(&scene, ROUNDED)
        .run("evaluate run --manifest films/manifest.csv --bootstrap 100 --json")
        .run(
            "evaluate run --manifest films/manifest.csv --bootstrap 100 --compare run/stages/target/last.safetensors",
        )
        .run("evaluate run --manifest films/manifest.csv --bootstrap 100 --record again")
        .freeze("evaluate-run");
}

#[test]
fn audit() {
    let scene = old::scene();
    Session::new(&scene, ROUNDED)
        .run("audit run --films 2 -q")
        .run("audit run --films 2 -q --no-network --json")
        .run("audit text --manifest films/manifest.csv --model run --words masks --draws 1 --bootstrap 100 -q")
        .run("audit text --manifest films/manifest.csv --model run --words masks --draws 1 --bootstrap 100 -q --json")
        .freeze("audit-run");
}

#[test]
fn report() {
    let scene = old::scene();
    Session::new(&scene, ROUNDED)
        .run("report run")
        .run("report run --gallery 2 --plots plots --json")
        .run("report run --stage targte")
        .freeze("report");
}

#[test]
fn package() {
    let scene = old::scene();
    scene.write(
        "answers.toml",
        "name = \"Phantoms\"\nversion = \"0.1\"\n[answers]\nfunding = \"Nobody paid for phantoms.\"\n",
    );
    Session::new(&scene, ROUNDED)
        .without_digests()
        .run("package key signer")
        .run("package run --out unsigned.pleura --golden 1 --films 8")
        .run("package run --out signed.pleura --golden 1 --films 8 --key signer.private.pem --card answers.toml --json")
        .run("package verify signed.pleura")
        .run("package verify signed.pleura --trust signer.public.pem --json")
        .run("package card --out card.toml")
        .file("card.toml")
        .run("package card --out card.toml")
        .run("package run --out x.pleura --golden 0")
        .run("package run --out x.pleura --keep 0.2")
        .run("package run --out x.pleura --key maker.public.pem")
        .freeze("package-make");
}

#[test]
fn packaged() {
    let scene = old::scene();
    let film = std::fs::read_dir(scene.path("films/films")).unwrap();
    let mut films: Vec<String> = film
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    films.sort();
    pleura_draw::picture::Picture::new(80, 70, [200, 40, 40])
        .save(&scene.path("red.png"))
        .unwrap();
    let noise: Vec<u8> = (0..96 * 96_u32)
        .map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    scene.bytes("noise.png", &pleura_film::grey_png_8(96, 96, &noise).unwrap());
    scene.write("notes.txt", "not a film");
    let film = format!("films/films/{}", films[0]);
    let mut session = Session::new(&scene, ROUNDED);
    session
        .run("package show old.pleura")
        .run(&format!(
            "predict --model old.pleura {film} red.png noise.png notes.txt"
        ))
        .run(&format!(
            "predict --model old.pleura --json {film} red.png noise.png notes.txt"
        ))
        .run("predict --model old.pleura --anyway noise.png")
        .run(&format!("predict --model old.pleura --size 64 {film}"))
        .run(&format!(
            "predict --model old.pleura --trust maker.public.pem {film}"
        ));
    let mut bytes = std::fs::read(scene.path("old.pleura")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    scene.bytes("changed.pleura", &bytes);
    scene.bytes("cut.pleura", &bytes[..middle]);
    session
        .run("package verify changed.pleura")
        .run("package verify cut.pleura --json")
        .freeze("package-use");
}
