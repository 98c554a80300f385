use std::path::Path;

use super::*;

fn small() -> Architecture {
    Architecture::by_name("small").unwrap()
}

#[test]
fn names_are_found_and_others_refused() {
    for name in NAMES {
        let composite = Composite::by_name(name).unwrap();
        assert_eq!(composite.name(), name);
        assert!(composite.rules(&small()).unwrap().named.is_empty(), "{name}");
    }
    assert_eq!(Composite::default(), Composite::by_name(NAMES[0]).unwrap());
    let error = Composite::by_name("epsilon").unwrap_err().to_string();
    assert_eq!(
        error,
        "no composite is called \"epsilon\"; there are epsilon-plus-flat, epsilon-alpha2-beta1-flat, epsilon-gamma-box, epsilon-box, lrp-0"
    );
}

#[test]
fn a_name_says_what_is_unusual() {
    let zero = Composite::default().with_bias(Bias::Zero);
    assert_eq!(zero.name(), "epsilon-plus-flat, biases zero");
    let text = "bias = \"absorb\"\n[[rule]]\nrule = \"epsilon\"\n";
    let absorbed = Composite::parse(text, Path::new("mine.toml")).unwrap();
    assert_eq!(absorbed.name(), "mine, biases absorbed");
}

const OWN: &str = r#"
bias = "zero"

[[rule]]
kind = "convolution"
position = "first"
rule = "box"

[[rule]]
kind = "convolution"
position = ["block1", "transition1"]
rule = "gamma"
gamma = 0.5

[[rule]]
layer = "*.denselayer2.conv2"
rule = "alpha-beta"
alpha = 3.0
beta = 2.0
epsilon = 0.1

[[rule]]
kind = ["linear", "pool"]
rule = "epsilon"
epsilon = 0.25

[[rule]]
rule = "epsilon"
epsilon = 0.5
"#;

#[test]
fn the_first_rule_that_fits_holds() {
    let composite = Composite::parse(OWN, Path::new("folder/mine.toml")).unwrap();
    assert_eq!(composite.name(), "mine, biases zero");
    let rules = composite.rules(&small()).unwrap();
    assert_eq!(rules.first, Rule::Box { epsilon: 1e-6 });
    assert_eq!(rules.convolution, Rule::Epsilon { epsilon: 0.5 });
    assert_eq!(rules.norm, Rule::Epsilon { epsilon: 0.5 });
    assert_eq!(rules.linear, Rule::Epsilon { epsilon: 0.25 });
    assert!((rules.pool - 0.25).abs() < 1e-12);
    assert_eq!(rules.bias, Bias::Zero);
    let gamma = Rule::Gamma {
        gamma: 0.5,
        epsilon: 1e-6,
    };
    let alpha_beta = Rule::AlphaBeta {
        alpha: 3.0,
        beta: 2.0,
        epsilon: 0.1,
    };
    assert_eq!(rules.named["features.denseblock1.denselayer2.conv2"], gamma);
    assert_eq!(rules.named["features.transition1.conv"], gamma);
    assert_eq!(rules.named["features.denseblock2.denselayer2.conv2"], alpha_beta);
    // Block 1 has three layers of two convolutions; one convolution each of the other blocks.
    assert_eq!(rules.named.len(), 6 + 1 + 2);
}

/// The error of a file with one rule for all, preceded by `rule`.
fn refused(rule: &str) -> String {
    let text = format!("[[rule]]\n{rule}\n\n[[rule]]\nrule = \"epsilon\"\n");
    let composite = Composite::parse(&text, Path::new("own.toml"));
    composite
        .and_then(|composite| composite.rules(&small()))
        .unwrap_err()
        .to_string()
}

#[test]
fn messages_name_file_line_and_key() {
    let cases = [
        (
            "rule = \"delta\"",
            "own.toml, line 2, `rule`: \"delta\" is no rule; there are epsilon, plus, alpha-beta, gamma, square, flat, box",
        ),
        (
            "kind = \"dense\"\nrule = \"flat\"",
            "own.toml, line 2, `kind`: \"dense\" is not known; there are convolution, linear, pool, norm",
        ),
        (
            "rule = \"epsilon\"\nepsilon = -1.0",
            "own.toml, line 3, `epsilon`: epsilon is -1, expected 0 or more",
        ),
        (
            "rule = \"alpha-beta\"\nalpha = 3.0",
            "own.toml, line 3, `alpha`: alpha − beta is 2, expected 1",
        ),
        (
            "rule = \"plus\"\ngamma = 3.0",
            "own.toml, line 3, `gamma`: the plus rule has no gamma",
        ),
        (
            "position = \"block9\"\nrule = \"plus\"",
            "own.toml, line 3, `position`: small has no \"block9\"; it has first, stem, block1, transition1, block2, transition2, block3, head",
        ),
        (
            "layer = \"features.block1.*\"\nrule = \"plus\"",
            "own.toml, line 3, `layer`: no layer of small is called \"features.block1.*\"; names are torchvision's, as in a ledger: \
             features.denseblock1.denselayer1.conv1, features.transition1.conv",
        ),
        (
            "kind = \"convolution\"\nrule = \"box\"",
            "own.toml, line 3, `rule`: fits features.denseblock3.denselayer4.conv2, not the first convolution, which alone has inputs between \
             black and white; say more with `kind` and `position`",
        ),
        (
            "rule = \"gamma\"",
            "own.toml, line 2, `rule`: fits pool, an average pool, which has the epsilon rule alone; say more with `kind` and `position`",
        ),
    ];
    for (rule, expected) in cases {
        assert_eq!(refused(rule), expected);
    }
    let said = refused("rule = \"flat\"\nstrength = 2");
    assert!(
        said.starts_with("own.toml, line 3: unknown field `strength`"),
        "{said}"
    );
    let none = Composite::parse(
        "[[rule]]\nkind = \"linear\"\nrule = \"plus\"\n",
        Path::new("own.toml"),
    );
    assert_eq!(
        none.unwrap().rules(&small()).unwrap_err().to_string(),
        "own.toml, `rule`: no rule fits the layer pool; end with a [[rule]] for all: rule = \"epsilon\""
    );
}
