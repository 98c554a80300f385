//! A run as one page.

use std::fs;

use crate::training::{STAGES, Training, WHOLE, without_looks};

/// Every value of an attribute that makes a browser load or open something.
fn addresses(page: &str) -> Vec<&str> {
    let attributes = [
        "src=\"",
        "href=\"",
        "srcset=\"",
        "data=\"",
        "action=\"",
        "poster=\"",
    ];
    attributes
        .iter()
        .flat_map(|attribute| page.split(attribute).skip(1))
        .map(|rest| rest.split('"').next().unwrap())
        .collect()
}

#[test]
fn the_page_of_a_run_holds_all_it_shows() {
    let training = Training::shared();
    let page = fs::read_to_string(training.path(WHOLE).join("report.html")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"));
    for words in [
        "Research use only. Not a medical device.",
        "No Finding",
        "COVID-19",
        "confusion matrix",
        "phantom",
        "heatmap",
    ] {
        assert!(page.to_lowercase().contains(&words.to_lowercase()), "{words}");
    }
    let stages = STAGES.join(", then ");
    assert!(page.contains(&format!("in 2 stages: {stages}.")), "{stages}");

    let addresses = addresses(&page);
    assert!(
        addresses
            .iter()
            .any(|address| address.starts_with("data:image/png;base64,"))
    );
    for address in addresses {
        assert!(
            address.starts_with('#') || address.starts_with("data:image/"),
            "the page refers to {address}"
        );
    }
    for loads in ["<script", "<link", "<iframe", "<object", "@import", "url("] {
        assert!(!page.contains(loads), "{loads}");
    }
}

#[test]
fn writing_it_again_gives_the_same_page_and_says_where() {
    let training = Training::shared();
    let path = training.copy("reported/tiny").join("report.html");
    let page = fs::read_to_string(&path).unwrap();
    fs::remove_file(&path).unwrap();
    fs::remove_dir_all(training.path("reported/tiny/explain")).unwrap();
    let said = training.scene().run(&["report", "reported/tiny", "--json"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let record = said.json();
    assert_eq!(record["report"], "reported/tiny/report.html");
    assert_eq!(record["notice"], "Research use only. Not a medical device.");
    assert_eq!(record["plots"], serde_json::json!([]));
    let again = fs::read_to_string(&path).unwrap();
    assert!(
        without_looks(&again) == without_looks(&page),
        "the page is another"
    );

    fs::remove_dir_all(training.path("reported/tiny/explain")).unwrap();
    let said = training
        .scene()
        .run(&["report", "reported/tiny", "--gallery", "0"]);
    assert_eq!(
        said.out,
        "reported/tiny/report.html\nResearch use only. Not a medical device.\n"
    );
    assert!(!fs::read_to_string(&path).unwrap().contains("data:image/png"));
}

#[test]
fn plots_come_as_files_too() {
    let training = Training::shared();
    training.copy("plotted/tiny");
    let said = training.scene().run(&[
        "report",
        "plotted/tiny",
        "--gallery",
        "0",
        "--plots",
        "plots",
        "--json",
    ]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let record = said.json();
    let plots = record["plots"].as_array().unwrap();
    assert!(plots.len() >= 3, "{plots:?}");
    for plot in plots {
        let plot = plot.as_str().unwrap();
        assert!(plot.starts_with("plots/"), "{plot}");
        let text = fs::read_to_string(training.path(plot)).unwrap();
        assert!(text.contains("<svg") && text.contains("</svg>"), "{plot}");
    }
}

#[test]
fn a_run_that_is_half_done_has_a_page_of_what_there_is() {
    let training = Training::shared();
    let run = training.copy("half/tiny");
    // As if the second stage had begun, and no more.
    let log = fs::read_to_string(run.join("log.jsonl")).unwrap();
    let (first, _) = log
        .split_once("{\"stage\":\"target\",\"event\":\"step\"")
        .unwrap();
    fs::write(run.join("log.jsonl"), first).unwrap();
    for name in ["report.html", "timing.jsonl"] {
        fs::remove_file(run.join(name)).unwrap();
    }
    for name in ["explain", "stages/target"] {
        fs::remove_dir_all(run.join(name)).unwrap();
    }
    let said = training.scene().run(&["report", "half/tiny"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    let page = fs::read_to_string(run.join("report.html")).unwrap();
    for stage in STAGES {
        assert!(page.contains(stage), "{stage}");
    }
    // Who asks for a stage by a name that it has not is told the names.
    let said = training
        .scene()
        .run(&["report", "half/tiny", "--stage", "targte"]);
    assert_eq!(said.code, 2);
    assert!(
        said.err
            .contains("the run has no stage \"targte\"; its stages are intermediate, target"),
        "{}",
        said.err
    );
}

#[test]
fn what_is_broken_in_a_run_is_named() {
    let training = Training::shared();
    let scene = training.scene();
    let refused = |run: &str| {
        let said = scene.run(&["report", run]);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{run}");
        said.err
    };
    fs::create_dir(training.path("empty")).unwrap();
    for nothing in ["empty", "nowhere", "recipe.toml"] {
        assert_eq!(
            refused(nothing),
            format!(
                "pleura: {nothing} is not a run folder: it has no recipe.toml; expected the folder that `pleura train --out` wrote\n"
            )
        );
    }

    let run = training.copy("broken/tiny");
    let page = fs::read(run.join("report.html")).unwrap();
    for (name, words) in [
        ("log.jsonl", ["broken/tiny/log.jsonl, line 1", "expected value"]),
        ("recipe.toml", ["broken/tiny/recipe.toml", "expected"]),
        (
            "stages/target/metrics.json",
            ["stages/target/metrics.json", "line 1"],
        ),
        ("stages/target/test.csv", ["stages/target/test.csv", "column"]),
        (
            "stages/target/best.safetensors",
            ["stages/target/best.safetensors", "safetensors"],
        ),
        (
            "stages/intermediate/data.json",
            ["stages/intermediate/data.json", "line 1"],
        ),
    ] {
        let path = run.join(name);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, "= nothing that anybody wrote\n").unwrap();
        let error = refused("broken/tiny");
        for word in words {
            assert!(error.contains(word), "{name}: {error}");
        }
        fs::write(&path, whole).unwrap();
    }
    assert!(
        fs::read(run.join("report.html")).unwrap() == page,
        "a report that failed took the page away"
    );
}
