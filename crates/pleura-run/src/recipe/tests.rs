use super::*;

const TEN_LINES: &str = r#"architecture = "densenet121"
[[stage]]
name = "target"
kind = "exclusive"
manifest = "covid.csv"
findings = ["COVID-19", "pneumonia", "normal"]
start = "chexnet.safetensors"
keep = { map = { pneumonia = "Pneumonia" } }
epochs = 10
learning_rate = { all = 1e-4, head = 1e-3 }
"#;

fn parse(text: &str) -> Result<Recipe, Error> {
    Recipe::parse(text, Path::new("folder/r.toml"))
}

/// The message about the recipe with one line in place of another.
fn message(from: &str, to: &str) -> String {
    assert!(TEN_LINES.contains(from), "{from}");
    parse(&TEN_LINES.replace(from, to)).unwrap_err().to_string()
}

#[test]
fn ten_lines_are_a_recipe() {
    let recipe = parse(TEN_LINES).unwrap();
    let stage = &recipe.stages[0];
    assert_eq!(stage.keep.rule, KeepRule::WeightAndBias);
    assert_eq!(stage.batch, 16);
    assert_eq!(stage.learning_rate.of("block3"), Some(1e-4));
    assert_eq!(stage.learning_rate.of(HEAD), Some(1e-3));
    assert_eq!(stage.optimiser, OptimiserRecipe::default());
    assert_eq!(recipe.preparation, Preparation::default());
    assert_eq!(
        recipe.resolve_path(&stage.manifest),
        Path::new("folder/covid.csv")
    );
}

#[test]
fn what_is_written_reads_back_to_the_same() {
    let full = format!(
        "seed = 3\nnormalisation = \"imagenet\"\n{TEN_LINES}{}",
        r#"
batch = 8
optimiser = { kind = "adamw", weight_decay = 0.05, decay = "weights" }
schedule = { kind = "cosine", floor = 0.01, warm_up = { epochs = 0.5 } }
freeze = [{ groups = "all-but-head", until_epoch = 2 }, { groups = ["stem"] }]
norm = "running"
class_weights = "balanced"
gradient_clip = 1.0
augmentation = { rotate_degrees = 40.0, translate_pixels = 28.0, flip = 0.5 }
monitor = "macro_auc"
patience = 4
[[stage]]
name = "again"
kind = "independent"
manifest = "nih.csv"
start = "stage:target"
epochs = 1
positive_weights = "balanced"
"#
    );
    let recipe = parse(&full).unwrap();
    let written = recipe.to_toml().unwrap();
    let mut again = parse(&written).unwrap();
    again.origin = recipe.origin.clone();
    assert_eq!(again, recipe, "{written}");
    let OptimiserRecipe::AdamW { betas, .. } = recipe.stages[0].optimiser else {
        panic!()
    };
    assert_eq!(betas, [0.9, 0.999]);
}

#[test]
fn messages_name_file_line_and_what_is_allowed() {
    for (from, to, line, says) in [
        ("epochs = 10", "epoch = 10", "r.toml:9", "`epochs`"),
        ("epochs = 10", "epochs = 0", "r.toml:9", "expected 1 to"),
        ("epochs = 10", "epochs = \"ten\"", "r.toml:9", "invalid type"),
        ("\"exclusive\"", "\"softmax\"", "r.toml:4", "`exclusive`"),
        ("head = 1e-3", "heads = 1e-3", "r.toml:10", "block1, transition1"),
        ("all = 1e-4, ", "", "r.toml:10", "no rate for the group \"stem\""),
        ("1e-4", "-1", "r.toml:10", "0 or a number above"),
        (
            "{ pneumonia",
            "{ normall",
            "r.toml:8",
            "not one of the stage's findings",
        ),
        ("\"normal\"]", "\"pneumonia\"]", "r.toml:6", "repeated"),
        ("chexnet.safetensors", "chexnet.pth", "r.toml:7", "pleura import"),
        (
            "chexnet.safetensors",
            "stage:source",
            "r.toml:7",
            "no earlier stage",
        ),
        ("\"target\"", "\"tar/get\"", "r.toml:3", "letters, digits"),
        ("densenet121", "densenet12", "r.toml:1", "densenet161"),
        (
            "epochs = 10",
            "epochs = 10\nclass_weights = [1.0, 2.0]",
            "r.toml:10",
            "expected 3",
        ),
        (
            "epochs = 10",
            "epochs = 10\nclass_weights = \"even\"",
            "r.toml:10",
            "\"balanced\"",
        ),
        (
            "epochs = 10",
            "epochs = 10\npositive_weights = \"balanced\"",
            "r.toml:10",
            "class_weights",
        ),
        (
            "epochs = 10",
            "epochs = 10\nfreeze = [{ groups = [\"blok1\"] }]",
            "r.toml:10",
            "blok1",
        ),
        (
            "epochs = 10",
            "epochs = 10\nfreeze = [{ groups = \"all\" }]",
            "r.toml:10",
            "all-but-head",
        ),
        (
            "epochs = 10",
            "epochs = 10\noptimiser = { kind = \"adam\" }",
            "r.toml:10",
            "`adamw`",
        ),
        (
            "epochs = 10",
            "epochs = 10\noptimiser = { kind = \"sgd\", momentum = 1.0 }",
            "r.toml:10",
            "below 1",
        ),
        (
            "epochs = 10",
            "epochs = 10\nschedule = { kind = \"step\", every = 0 }",
            "r.toml:10",
            "at least 1",
        ),
        (
            "epochs = 10",
            "epochs = 10\ngradient_clip = 0",
            "r.toml:10",
            "above 0",
        ),
        (
            "epochs = 10",
            "epochs = 10\naugmentation = { rotate = 4 }",
            "r.toml:10",
            "rotate_degrees",
        ),
    ] {
        let message = message(from, to);
        assert!(
            message.contains(line) && message.contains(says),
            "{to}: {message}"
        );
    }
    let message = message("\"densenet121\"", "\"densenet121\"\npreparation = { size = 8 }");
    assert!(
        message.contains("r.toml:2") && message.contains("29"),
        "{message}"
    );
}

#[test]
fn a_stage_in_which_nothing_moves_is_refused() {
    let frozen = |freeze: &str| parse(&format!("{TEN_LINES}freeze = {freeze}\n"));
    frozen("[{ groups = \"all-but-head\" }]").unwrap();
    let error =
        frozen("[{ groups = \"all-but-head\" }, { groups = [\"head\"], until_epoch = 3 }]").unwrap_err();
    assert!(error.to_string().contains("epoch 0"), "{error}");
    assert!(
        parse("architecture = \"small\"\n")
            .unwrap_err()
            .to_string()
            .contains("[[stage]]")
    );
}

#[test]
fn recipes_in_the_repository_are_recipes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes");
    let mut count = 0;
    for folder in [folder.clone(), folder.join("real")] {
        for entry in std::fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                let table: toml::Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
                // Studies are read by their own test, in the crate that runs them.
                if !table.contains_key("variant") {
                    Recipe::read(&path).unwrap();
                    count += 1;
                }
            }
        }
    }
    assert!(count >= 6, "found {count} recipes");
}

/// A recipe of stages that each have a name and more lines.
fn stages(stages: &[(&str, &str)]) -> Recipe {
    let stages = stages.iter().map(|(name, lines)| {
        format!(
            "[[stage]]\nname = {name:?}\nkind = \"exclusive\"\nmanifest = \"m.csv\"\nepochs = 1\nlearning_rate = 0.1\n{lines}\n"
        )
    });
    parse(&format!(
        "architecture = \"small\"\n{}",
        stages.collect::<String>()
    ))
    .unwrap()
}

#[test]
fn a_stage_starts_from_the_one_before_unless_it_says_otherwise() {
    let recipe = stages(&[
        ("a", ""),
        ("b", ""),
        ("c", "start = \"stage:a\""),
        ("d", "start = \"random\""),
    ]);
    assert_eq!(recipe.lineage("b"), [1, 0]);
    assert_eq!(recipe.lineage("c"), [2, 0]);
    assert_eq!(recipe.lineage("d"), [3]);
    assert!(recipe.lineage("e").is_empty());
}

#[test]
fn the_lead_is_the_first_end_that_keeps() {
    let kept = "start = \"stage:source\"\nkeep = { rule = \"weight+bias\" }";
    let recipe = stages(&[
        ("source", "keep = { rule = \"weight+bias\" }"),
        ("fresh-1", "start = \"stage:source\"\nkeep = { rule = \"none\" }"),
        ("kept-1", kept),
        ("kept-2", kept),
        ("fresh-2", "start = \"stage:source\""),
    ]);
    assert_eq!(recipe.lead_stage().unwrap().name, "kept-1");
    assert_eq!(stages(&[("a", ""), ("b", "")]).lead_stage().unwrap().name, "b");
}
