//! Folders that cannot be written.

use pleura_manifest::Split;

use crate::scene::Scene;

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
