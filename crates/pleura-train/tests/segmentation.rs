//! Training of a segmentation network on drawn films: it learns, resumes and counts to the same bits, and
//! refuses manifests and masks that cannot be used.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use pleura_film::grey_png_8;
use pleura_run::segmentation::SegmentationRecipe;
use pleura_train::observer::{Event, Observer, Silent};
use pleura_train::segmentation::{SegmentationEnd, SegmentationSummary, run};
use pleura_train::{Error, Options};

const SIDE: usize = 48;
const RECIPE: &str = r#"
kind = "segmentation"
seed = 3
architecture = "unet-small"
size = 32
manifest = "films.csv"
epochs = 12
batch = 4
learning_rate = 1e-2
optimiser = { kind = "adamw" }
gradient_clip = 1.0
augmentation = { rotate_degrees = 5.0, translate_pixels = 10.0, flip = 0.5, scale = 0.1, gamma = 0.3 }
opacities = { probability = 0.3, most = 2, strength = 0.5 }
checkpoint_every = 2
"#;

/// Writes films with two dark ellipses, their masks and a manifest; returns the recipe's path.
fn films(folder: &Path) -> PathBuf {
    let mut table =
        String::from("film,path,sha256,dataset,patient,study,view,sex,age,split,lung_mask,normal\n");
    for number in 0..20 {
        let shift = number as f64 % 5.0 - 2.0;
        let inside = |pixel: usize| {
            let (x, y) = ((pixel % SIDE) as f64, (pixel / SIDE) as f64 + shift);
            [14.0, 34.0]
                .into_iter()
                .any(|middle| ((x - middle) / 8.0).powi(2) + ((y - 24.0) / 15.0).powi(2) < 1.0)
        };
        let noise = |pixel: usize| ((pixel * 7919 + number * 104_729) % 31) as u8;
        let level = |pixel| noise(pixel) + if inside(pixel) { 60 } else { 170 };
        let film: Vec<u8> = (0..SIDE * SIDE).map(level).collect();
        let mask: Vec<u8> = (0..SIDE * SIDE)
            .map(|pixel| 255 * u8::from(inside(pixel)))
            .collect();
        let (film, mask) = [film, mask]
            .map(|grey| grey_png_8(SIDE, SIDE, &grey).unwrap())
            .into();
        fs::write(folder.join(format!("{number}.png")), &film).unwrap();
        fs::write(folder.join(format!("{number}-mask.png")), &mask).unwrap();
        let split = ["train", "train", "train", "val", "test"][number % 5];
        let sha256 = pleura_core::sha256::hex(&film);
        table +=
            &format!("f{number},{number}.png,{sha256},drawn,p{number},,PA,,,{split},{number}-mask.png,1\n");
    }
    fs::write(folder.join("films.csv"), table).unwrap();
    let recipe = folder.join("lungs.toml");
    fs::write(&recipe, RECIPE).unwrap();
    recipe
}

fn train(recipe: &Path, out: &Path, options: &Options) -> SegmentationSummary {
    let recipe = SegmentationRecipe::read(recipe).unwrap();
    match run(&recipe, out, options, &mut Silent).unwrap() {
        SegmentationEnd::Finished(summary) => *summary,
        SegmentationEnd::Stopped(stop) => panic!("{stop:?}"),
    }
}

/// Stops after some steps.
struct After(usize);

impl Observer for After {
    fn notice(&mut self, event: &Event<'_>) -> ControlFlow<()> {
        if matches!(event, Event::Step(_)) {
            self.0 = self.0.saturating_sub(1);
        }
        if self.0 == 0 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

#[test]
fn a_network_learns_and_its_bits_depend_on_neither_threads_nor_stops() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = films(folder.path());
    let whole = folder.path().join("whole");
    let summary = train(&recipe, &whole, &Options::default().with_threads(Some(2)));
    assert_eq!((summary.films, summary.without_mask), ([12, 4, 4], 0));
    let dice = summary.test[0].dice.unwrap();
    assert!(dice.value > 0.8 && dice.n == 4, "{dice:?}");
    assert!(summary.validation_dice > 0.8, "{}", summary.validation_dice);
    let files = [
        "lungs.safetensors",
        "test.csv",
        "metrics.json",
        "log.jsonl",
        "recipe.toml",
    ];
    let bytes = |out: &Path| files.map(|file| fs::read(out.join(file)).unwrap());
    let expected = bytes(&whole);

    let alone = folder.path().join("alone");
    train(&recipe, &alone, &Options::default().with_threads(Some(1)));
    assert!(bytes(&alone) == expected, "one thread");

    // Stopped in the middle of epochs, and killed after a step that no checkpoint has.
    let stopped = folder.path().join("stopped");
    let read = SegmentationRecipe::read(&recipe).unwrap();
    let resume = Options::default().with_resume(true);
    for steps in [4, 9] {
        let end = run(&read, &stopped, &resume, &mut After(steps)).unwrap();
        assert!(matches!(end, SegmentationEnd::Stopped(_)), "{end:?}");
        let mut log = fs::OpenOptions::new()
            .append(true)
            .open(stopped.join("log.jsonl"))
            .unwrap();
        std::io::Write::write_all(&mut log, b"{\"event\":\"ste").unwrap();
    }
    train(&recipe, &stopped, &resume);
    assert!(bytes(&stopped) == expected, "stopped and resumed");
    // A finished run is not trained again.
    assert_eq!(train(&recipe, &stopped, &resume).digest, summary.digest);
    let again = run(&read, &stopped, &Options::default(), &mut Silent);
    assert!(matches!(again, Err(Error::Occupied { .. })), "{again:?}");
    let seed = resume.with_seed(Some(4));
    let other = run(&read, &stopped, &seed, &mut Silent).unwrap_err();
    assert!(
        other.to_string().contains("the recipe or the seed changed"),
        "{other}"
    );
}

#[test]
fn unusable_masks_and_splits_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = films(folder.path());
    let table = fs::read_to_string(folder.path().join("films.csv")).unwrap();
    let refused = |table: &str| {
        fs::write(folder.path().join("films.csv"), table).unwrap();
        let recipe = SegmentationRecipe::read(&recipe).unwrap();
        let out = folder.path().join("refused");
        let error = run(&recipe, &out, &Options::default(), &mut Silent).unwrap_err();
        assert!(!out.exists(), "nothing is written");
        error.to_string()
    };
    let shared = refused(&table.replace(",p3,", ",p4,"));
    assert!(
        shared.contains("patient \"p4\" has films in the splits"),
        "{shared}"
    );
    let black = grey_png_8(SIDE, SIDE, &vec![0; SIDE * SIDE]).unwrap();
    fs::write(folder.path().join("black.png"), black).unwrap();
    let empty = refused(&table.replace("7-mask.png", "black.png"));
    assert!(
        empty.contains("row 9, column lung_mask, film \"f7\"") && empty.contains("nothing is marked"),
        "{empty}"
    );
    let missing = refused(&table.replace("7-mask.png", "gone.png"));
    assert!(missing.contains("gone.png"), "{missing}");
    fs::write(folder.path().join("broken.png"), b"\x89PNG\r\n\x1a\nbroken").unwrap();
    let broken = refused(&table.replace("7-mask.png", "broken.png"));
    assert!(broken.contains("broken.png"), "{broken}");
    let none = refused(
        &table
            .replace("-mask.png", "")
            .replace(",lung_mask", ",note:nothing"),
    );
    assert!(
        none.contains("no film of the split \"train\" has a drawn mask"),
        "{none}"
    );
    // Masks of a model are not drawn.
    let found = table
        .replace(",lung_mask,", ",lung_mask,note:lung_model,")
        .replace("-mask.png,", "-mask.png,0123456789abcdef,");
    assert!(refused(&found).contains("a model has found"));
}

#[test]
fn a_recipe_names_the_line_of_a_mistake() {
    let read = |text: &str| {
        SegmentationRecipe::parse(text, Path::new("lungs.toml")).map_err(|error| error.to_string())
    };
    assert_eq!(
        read(RECIPE).unwrap(),
        read(&read(RECIPE).unwrap().to_toml().unwrap()).unwrap()
    );
    let size = read(&RECIPE.replace("size = 32", "size = 33")).unwrap_err();
    assert!(
        size.contains("lungs.toml") && size.contains('5') && size.contains("32"),
        "{size}"
    );
    let unknown = read(&RECIPE.replace("epochs", "epoch")).unwrap_err();
    assert!(unknown.contains("epoch"), "{unknown}");
    let name = read(&RECIPE.replace("unet-small", "unet-tiny")).unwrap_err();
    assert!(name.contains("unet-small"), "{name}");
}
