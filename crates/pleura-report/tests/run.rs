//! From a run folder to its page: what is read, what is told when something is missing, what breaks and how
//! it is said.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

mod sample;

use std::fs;
use std::path::{Path, PathBuf};

use pleura_manifest::access_log::{self, TestAccess};
use pleura_manifest::{Label, Manifest, Row, Sidecar, Split};
use pleura_report::{
    Error, GalleryIndex, IndexItem, KeepingExperiment, Provenance, ReportInput, TextExperiment, write,
};

/// A run of one stage on four films, as training and its experiments leave it.
struct Run {
    folder: tempfile::TempDir,
}

impl Run {
    fn new() -> Self {
        let run = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let manifest = run.manifest();
        let input = sample::input();
        run.put(
            "recipe.toml",
            &format!(
                "seed = 3\narchitecture = \"small\"\n[[stage]]\nname = \"target\"\nkind = \"exclusive\"\nmanifest = '{}'\n\
                 findings = [\"sick\", \"normal\"]\nstart = \"random\"\nepochs = 1\n",
                run.path("set/manifest.csv").display()
            ),
        );
        run.put(
            "log.jsonl",
            "{\"stage\":\"target\",\"event\":\"stage\",\"epochs\":1}\n\
             {\"stage\":\"target\",\"event\":\"step\",\"step\":1,\"epoch\":0,\"loss\":0.7,\"lr\":{\"head\":0.01},\"grad_norm\":1.5}\n\
             {\"stage\":\"target\",\"event\":\"epoch\",\"epoch\":0,\"step\":1,\"train_loss\":0.7,\"validation_loss\":0.6,\"validation\":{\"accuracy\":0.5,\"macro_auc\":0.75},\"best\":true}\n\
             {\"stage\":\"target\",\"event\":\"end\",\"best_epoch\":0}\n",
        );
        run.put(
            "timing.jsonl",
            "{\"stage\":\"target\",\"event\":\"step\",\"step\":1,\"seconds\":61.0,\"waited\":0.5}\n\
             {\"stage\":\"target\",\"event\":\"epoch\",\"epoch\":0,\"validation_seconds\":2.0,\"films_per_second\":null}\n",
        );
        let used = "{\"films\":1,\"patients\":1,\"excluded\":{\"no_class\":2},\"findings\":[]}";
        run.put(
            "stages/target/data.json",
            &format!("{{\"manifest\":\"{}\",\"findings\":[],\"splits\":{{\"train\":{used},\"validation\":{used},\"test\":{used},\"unsplit\":0}}}}", manifest.digest()),
        );
        run.put(
            "stages/target/neurons.json",
            "{\"rule\":\"none\",\"neurons\":[{\"finding\":\"sick\",\"origin\":\"fresh\",\"weight_sha256\":\"00\",\"bias\":0.0,\"bias_kept\":false}],\"left_behind\":[],\"proof\":null}",
        );
        run.put(
            "stages/target/metrics.json",
            &serde_json::to_string(&input.stages[1].evaluations[1].evaluation).unwrap(),
        );
        run.put("stages/target/best.safetensors", "weights");
        let index = GalleryIndex {
            composite: "epsilon-plus-flat".into(),
            items: vec![IndexItem {
                film: "a".into(),
                picture: "a.png".into(),
                prediction: "sick".into(),
                probability: 0.75,
                right: Some(true),
                ..IndexItem::default()
            }],
        };
        index.write(run.folder.path()).unwrap();
        fs::write(run.path("explain/a.png"), sample::picture(1)).unwrap();
        input.keeping.unwrap().write(run.folder.path()).unwrap();
        input.words.unwrap().write(run.folder.path()).unwrap();
        Provenance {
            command: "pleura train r.toml --out run".into(),
            ..Provenance::default()
        }
        .write(run.folder.path())
        .unwrap();
        run
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    fn manifest(&self) -> Manifest {
        let path = self.path("set/manifest.csv");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut manifest = Manifest::new(path.parent().unwrap(), vec!["sick".into(), "normal".into()]);
        let splits = [Split::Train, Split::Train, Split::Validation, Split::Test];
        manifest.rows = splits
            .into_iter()
            .enumerate()
            .map(|(i, split)| Row {
                film: format!("film-{i}"),
                path: format!("film-{i}.png").into(),
                sha256: format!("{i}").repeat(64),
                dataset: if i == 0 { "north".into() } else { "south".into() },
                patient: format!("patient-{}", i / 2),
                split: Some(split),
                labels: if i % 2 == 0 {
                    vec![Label::Positive, Label::Negative]
                } else {
                    vec![Label::Negative, Label::Positive]
                },
                ..Row::default()
            })
            .collect();
        manifest.write(&path).unwrap();
        Sidecar::bare(&manifest).write(&path).unwrap();
        manifest
    }

    fn read(&self) -> Result<ReportInput, Error> {
        ReportInput::from_run(self.folder.path())
    }
}

#[test]
fn everything_in_a_run_is_read() {
    let run = Run::new();
    let input = run.read().unwrap();
    assert_eq!(input.warnings, Vec::<String>::new());
    assert_eq!(
        Path::new(&input.title),
        Path::new(run.folder.path().file_name().unwrap())
    );

    let [table] = &input.data[..] else {
        panic!("{} tables", input.data.len())
    };
    assert_eq!(
        (table.name.as_str(), table.phantom, &table.stages[..]),
        ("set/manifest.csv", false, &["target".to_owned()][..])
    );
    let splits: Vec<(&str, u64, u64)> = table
        .splits
        .iter()
        .map(|s| (s.split.as_str(), s.films, s.patients))
        .collect();
    assert_eq!(splits, [("test", 1, 1), ("train", 2, 1), ("val", 1, 1)]);
    let counts: Vec<(&str, &str, &str)> = table
        .counts
        .iter()
        .map(|c| (c.split.as_str(), c.finding.as_str(), c.source.as_str()))
        .collect();
    assert_eq!(
        counts,
        [
            ("test", "normal", "south"),
            ("train", "sick", "north"),
            ("train", "normal", "south"),
            ("val", "sick", "south")
        ]
    );

    let [stage] = &input.stages[..] else {
        panic!("{} stages", input.stages.len())
    };
    assert_eq!(
        (
            stage.architecture.as_str(),
            stage.start.as_str(),
            stage.best_epoch
        ),
        ("small", "random", Some(1))
    );
    assert_eq!((stage.steps.len(), stage.epochs.len()), (1, 1));
    assert_eq!(stage.films[0].excluded, [("without a class".to_owned(), 2)]);
    assert_eq!(stage.neurons.as_ref().unwrap().kept(), 0);
    assert_eq!(stage.evaluations[0].split, "test");
    let (read, written) = (
        &stage.evaluations[0].evaluation,
        &sample::input().stages[1].evaluations[1].evaluation,
    );
    assert_eq!(
        (&read.confusion, &read.overall.accuracy.right),
        (&written.confusion, &written.overall.accuracy.right)
    );
    assert!((read.overall.macro_auc.low.unwrap() - written.overall.macro_auc.low.unwrap()).abs() < 1e-12);

    assert_eq!(input.gallery.items[0].png, sample::picture(1));
    assert_eq!(input.keeping.unwrap().pairs(), 5);
    assert_eq!(input.words.unwrap().conditions.len(), 3);
    assert_eq!(input.provenance.seed, Some(3));
    assert_eq!(
        input.provenance.timings,
        [("stage target, steps and validation".to_owned(), 63.0)]
    );
    assert_eq!(input.provenance.digests.len(), 2);
}

#[test]
fn the_report_is_written_whole_and_the_same_twice() {
    let run = Run::new();
    let path = write(run.folder.path()).unwrap();
    let first = fs::read(&path).unwrap();
    assert_eq!(path, run.path("report.html"));
    assert_eq!(fs::read(write(run.folder.path()).unwrap()).unwrap(), first);
    let left = fs::read_dir(run.folder.path())
        .unwrap()
        .filter(|e| {
            e.as_ref()
                .unwrap()
                .path()
                .extension()
                .is_some_and(|e| e == "part")
        })
        .count();
    assert_eq!(left, 0);
}

#[test]
fn a_run_that_has_only_begun_has_a_report() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("recipe.toml"),
        "architecture = \"small\"\n[[stage]]\nname = \"a\"\nkind = \"exclusive\"\nmanifest = \"gone/manifest.csv\"\nepochs = 1\n",
    )
    .unwrap();
    let input = ReportInput::from_run(folder.path()).unwrap();
    assert!(
        input.warnings[0].contains("gone/manifest.csv"),
        "{:?}",
        input.warnings
    );
    assert!(
        pleura_report::render(&input)
            .html
            .contains("No stage of this run has been evaluated")
    );
}

#[test]
fn phantoms_are_known_by_what_their_maker_left() {
    let run = Run::new();
    run.put("set/phantoms.json", "{}");
    let input = run.read().unwrap();
    assert!(input.data[0].phantom && input.gallery.items[0].phantom);
}

#[test]
fn a_changed_table_is_told() {
    let run = Run::new();
    let mut manifest = run.manifest();
    manifest.rows.pop();
    manifest.write(&run.path("set/manifest.csv")).unwrap();
    let warnings = run.read().unwrap().warnings;
    assert!(
        warnings
            .iter()
            .any(|w| w.contains("has changed since stage target was trained")),
        "{warnings:?}"
    );
    assert!(
        warnings.iter().any(|w| w.contains("sidecar of set/manifest.csv")),
        "{warnings:?}"
    );
}

#[test]
fn looks_at_a_fold_are_those_of_the_table_that_it_was_made_of() {
    let run = Run::new();
    let manifest = run.manifest();
    let path = run.path("set/manifest.csv");
    let mut other = manifest.clone();
    other.rows[0].split = Some(Split::Test);
    let beside = |table: &str| access_log::path(&run.path(table));
    for (manifest, model) in [(&manifest, "a"), (&manifest, "b"), (&other, "c")] {
        let look = TestAccess::now(manifest, 1, model, "train: stage target");
        fs::create_dir_all(run.path("all")).unwrap();
        for file in [beside("all/manifest.csv"), beside("set/manifest.csv")] {
            access_log::record(&file, &look).unwrap();
        }
    }
    let told = || {
        let test = run.read().unwrap().data.remove(0).test_accesses.unwrap();
        (test.accesses.len(), test.models, test.others)
    };
    assert_eq!(told(), (2, 2, 1), "a table by itself was split anew");
    fs::remove_file(beside("set/manifest.csv")).unwrap();
    let mut sidecar = Sidecar::bare(&manifest);
    sidecar.made_from = Some(run.path("all/manifest.csv"));
    sidecar.write(&path).unwrap();
    assert_eq!(told(), (2, 2, 0), "other folds are no earlier splits");
}

#[test]
fn without_test_films_the_validation_films_are_judged_and_said_to_be() {
    let run = Run::new();
    fs::remove_file(run.path("stages/target/metrics.json")).unwrap();
    run.put(
        "stages/target/validation.csv",
        "film,patient,dataset,truth,probability:sick,probability:normal\na,p,north,sick,0.75,0.25\nb,q,south,normal,0.5,0.5\n",
    );
    let input = run.read().unwrap();
    assert_eq!(input.stages[0].evaluations[0].split, "val");
    assert!(
        pleura_report::render(&input)
            .html
            .contains("There is no test result")
    );
}

#[test]
fn errors_name_the_file() {
    for (name, text) in [
        ("recipe.toml", "seed = "),
        ("log.jsonl", "nonsense\n"),
        ("timing.jsonl", "{}\n"),
        ("provenance.json", "{\"unknown\":1}"),
        ("set/manifest.csv", "film\n"),
        ("set/manifest.json", "["),
        ("stages/target/data.json", "{}"),
        ("stages/target/neurons.json", "{}"),
        ("stages/target/metrics.json", "{}"),
        ("explain/index.json", "{}"),
        ("explain/a.png", "GIF89a"),
        ("experiments/keeping.json", "{}"),
        ("experiments/words.json", "{}"),
    ] {
        let run = Run::new();
        run.put(name, text);
        let error = run.read().expect_err(name).to_string();
        assert!(
            error.contains(Path::new(name).file_name().unwrap().to_str().unwrap()),
            "{name}: {error}"
        );
    }
    let empty = tempfile::tempdir().unwrap();
    let error = ReportInput::from_run(empty.path()).unwrap_err();
    assert!(
        matches!(error, Error::NoRun { .. }) && error.to_string().contains("recipe.toml"),
        "{error}"
    );
}

#[test]
fn pictures_from_outside_the_run_are_refused() {
    for name in ["../a.png", "/etc/hostname", "deep/../../a.png"] {
        let run = Run::new();
        let items = vec![IndexItem {
            film: "a".into(),
            picture: name.into(),
            ..IndexItem::default()
        }];
        GalleryIndex {
            composite: String::new(),
            items,
        }
        .write(run.folder.path())
        .unwrap();
        let error = run.read().unwrap_err();
        assert!(matches!(error, Error::Outside { .. }), "{error}");
    }
}

#[test]
fn experiments_are_none_where_there_are_none() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(KeepingExperiment::read(folder.path()).unwrap(), None);
    assert_eq!(TextExperiment::read(folder.path()).unwrap(), None);
}
