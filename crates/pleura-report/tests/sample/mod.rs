//! A made-up run, rich enough to show every part of a report. Nothing in it was measured.

mod audit;

use pleura_eval::{Estimate, Options, Predictions, Truth, evaluate, paired_seeds};
use pleura_report::{
    DataTable, EpochDifference, EpochPoint, Exclusion, FindingCount, Gallery, GalleryItem, KeepingExperiment,
    KeepingRun, LedgerLine, Provenance, ReportInput, SourceTable, SplitCount, SplitEvaluation, StageResult,
    StageSplit, StepPoint, TextCondition, TextExperiment,
};
use pleura_run::{Neuron, NeuronOrigin, Neurons, Proof, recipe::KeepRule};

const CLASSES: [&str; 3] = ["COVID-19", "pneumonia", "normal"];
const FINDINGS: [&str; 15] = [
    "Atelectasis",
    "Cardiomegaly",
    "Effusion",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pneumonia",
    "Pneumothorax",
    "Consolidation",
    "Edema",
    "Emphysema",
    "Fibrosis",
    "Pleural_Thickening",
    "Hernia",
    "No Finding",
];

/// Numbers in [0, 1) that look random and never change.
pub(crate) struct Noise(u64);

impl Noise {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(2) + 1)
    }

    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f64 / (1u64 << 24) as f64
    }

    /// Roughly normal, mean 0, standard deviation 1.
    pub(crate) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.next()).sum::<f64>() - 6.0
    }
}

/// A run of three stages on films of two sources, with everything a run can have.
pub(crate) fn input() -> ReportInput {
    ReportInput {
        title: "twice-keeping".into(),
        recipe: RECIPE.into(),
        evidence: Vec::new(),
        series: None,
        audit: Some(audit::audit()),
        data: vec![findings_table(), classes_table()],
        stages: vec![findings_stage(), target_stage(), fresh_stage()],
        lead: Some("target".into()),
        gallery: gallery(),
        keeping: Some(keeping()),
        words: Some(words()),
        provenance: Provenance {
            started: "2026-03-02 09:14 UTC".into(),
            command: "pleura train recipes/real/twice.toml --out runs/twice-keeping --seed 7".into(),
            seed: Some(7),
            versions: vec![
                ("pleura".into(), "0.1.0".into()),
                ("rustc".into(), "1.95.0".into()),
            ],
            machine: vec![
                ("processor".into(), "2 cores, AVX-512".into()),
                ("threads".into(), "2".into()),
            ],
            digests: vec![
                ("recipe.toml".into(), "9f".repeat(32)),
                ("stages/target/best.safetensors".into(), "3c".repeat(32)),
            ],
            timings: vec![("stage findings".into(), 5423.0), ("stage target".into(), 812.4)],
        },
        warnings: vec!["96 films are of children, 72 of them normal".into()],
    }
}

const RECIPE: &str = "seed = 7\narchitecture = \"densenet121\"\n\n[preparation]\nsize = 224\nfit = \"pad\"\n\n[[stage]]\nname = \"findings\"\nkind = \"independent\"\n\
manifest = \"../data/nih.csv\"\nepochs = 12\nbatch = 16\n\n[[stage]]\nname = \"target\"\nkind = \"exclusive\"\nmanifest = \"../data/classes.csv\"\nepochs = 10\nbatch = 16\n\n\
[stage.keep]\nrule = \"weight+bias\"\nmap = { normal = \"No Finding\", pneumonia = \"Pneumonia\" }\n";

fn findings_table() -> DataTable {
    let mut noise = Noise::new(1);
    let counts = [("train", 700.0), ("val", 140.0), ("test", 159.0)];
    let share = |finding: &str| {
        if matches!(finding, "No Finding" | "Pneumonia") {
            0.5
        } else {
            0.08
        }
    };
    DataTable {
        name: "nih.csv".into(),
        stages: vec!["findings".into()],
        digest: "a1".repeat(32),
        findings: FINDINGS.map(String::from).into(),
        splits: counts
            .map(|(split, films)| SplitCount {
                split: split.into(),
                films: films as u64,
                patients: (films * 0.68) as u64,
            })
            .into(),
        counts: counts
            .iter()
            .flat_map(|(split, films)| FINDINGS.map(|finding| (*split, *films, finding)))
            .map(|(split, films, finding)| FindingCount {
                split: split.into(),
                finding: finding.into(),
                source: "NIH ChestX-ray14".into(),
                films: (films * share(finding) * (0.6 + 0.8 * noise.next())) as u64,
            })
            .collect(),
        sources: vec![SourceTable {
            name: "NIH ChestX-ray14".into(),
            films: 999,
            patients: 682,
            licence: "no restrictions, attribution asked for".into(),
            facts: vec![(
                "label file".into(),
                "Data_Entry_2017_v2020.csv, SHA-256 5e0c…".into(),
            )],
        }],
        exclusions: vec![
            Exclusion {
                source: "NIH ChestX-ray14".into(),
                reason: "listed, but no film here".into(),
                films: 111_121,
                left: Some(999),
            },
            Exclusion {
                source: "NIH ChestX-ray14".into(),
                reason: "younger than 18".into(),
                films: 0,
                left: Some(999),
            },
        ],
        ..DataTable::default()
    }
}

fn classes_table() -> DataTable {
    let films = [
        ("train", [87, 352, 349]),
        ("val", [16, 74, 75]),
        ("test", [20, 74, 75]),
    ];
    let source = |class: usize| if class == 0 { "Cohen" } else { "NIH ChestX-ray14" };
    DataTable {
        name: "classes.csv".into(),
        stages: vec!["target".into()],
        digest: "b2".repeat(32),
        findings: CLASSES.map(String::from).into(),
        splits: films
            .map(|(split, counts)| SplitCount {
                split: split.into(),
                films: counts.iter().sum(),
                patients: counts.iter().sum::<u64>() * 2 / 3,
            })
            .into(),
        counts: films
            .iter()
            .flat_map(|(split, counts)| {
                counts
                    .iter()
                    .enumerate()
                    .map(move |(class, films)| (*split, class, *films))
            })
            .map(|(split, class, films)| FindingCount {
                split: split.into(),
                finding: CLASSES[class].into(),
                source: source(class).into(),
                films,
            })
            .collect(),
        sources: vec![
            SourceTable {
                name: "Cohen".into(),
                films: 123,
                patients: 82,
                licence: "a licence a film".into(),
                facts: vec![("citation".into(), "Cohen et al., 2020".into())],
            },
            SourceTable {
                name: "NIH ChestX-ray14".into(),
                films: 999,
                patients: 682,
                ..SourceTable::default()
            },
        ],
        exclusions: vec![
            Exclusion {
                source: "Cohen".into(),
                reason: "computed tomography".into(),
                films: 84,
                left: Some(866),
            },
            Exclusion {
                source: "Cohen".into(),
                reason: "view is L".into(),
                films: 167,
                left: Some(699),
            },
            Exclusion {
                source: String::new(),
                reason: "identical pixels in two datasets".into(),
                films: 3,
                left: Some(1122),
            },
        ],
        ..DataTable::default()
    }
}

fn steps(epochs: usize, per_epoch: usize, from: f64, to: f64, noise: &mut Noise) -> Vec<StepPoint> {
    let total = (epochs * per_epoch) as f64;
    (1..=epochs * per_epoch)
        .map(|step| {
            let share = step as f64 / total;
            let warm = (step as f64 / (0.06 * total)).min(1.0);
            let cosine = 0.5 * (1.0 + (std::f64::consts::PI * share).cos());
            let rate = warm * (1e-6 + 1e-3 * cosine);
            StepPoint {
                epochs: step as f64 / per_epoch as f64,
                loss: (to + (from - to) * (-4.0 * share).exp()) * (1.0 + 0.22 * noise.normal()).max(0.1),
                learning_rates: vec![
                    ("stem".into(), 0.1 * rate),
                    ("block1".into(), 0.1 * rate),
                    ("block2".into(), 0.1 * rate),
                    ("head".into(), rate),
                ],
                gradient_norm: Some((1.0 + 3.0 * (-3.0 * share).exp()) * (1.0 + 0.2 * noise.normal()).abs()),
            }
        })
        .collect()
}

fn findings_stage() -> StageResult {
    let mut noise = Noise::new(2);
    let epochs = (1..=12).map(|epoch| {
        let t = epoch as f64 / 12.0;
        EpochPoint {
            epoch,
            train_loss: Some(0.19 + 0.4 * (-4.0 * t).exp()),
            validation_loss: Some(0.24 + 0.32 * (-4.0 * t).exp() + 0.05 * (t - 0.7).max(0.0)),
            validation: vec![(
                "macro AUC".into(),
                0.76 - 0.24 * (-4.0 * t).exp() - 0.02 * noise.next(),
            )],
        }
    });
    let test = predictions(159, &FINDINGS, false, 3);
    StageResult {
        sampling: None,
        calibration: None,
        name: "findings".into(),
        architecture: "densenet121".into(),
        kind: Some(pleura_eval::Task::Independent),
        findings: FINDINGS.map(String::from).into(),
        start: "the file densenet121-imagenet.safetensors".into(),
        from: None,
        films: used([700, 140, 159]),
        epochs: epochs.collect(),
        steps: steps(12, 44, 0.66, 0.19, &mut Noise::new(4)),
        best_epoch: Some(9),
        neurons: None,
        evaluations: vec![SplitEvaluation {
            split: "test".into(),
            evaluation: evaluate(&test, &options()).unwrap(),
        }],
    }
}

fn target_stage() -> StageResult {
    let mut noise = Noise::new(5);
    let epochs = (1..=10).map(|epoch| {
        let t = epoch as f64 / 10.0;
        EpochPoint {
            epoch,
            train_loss: Some(0.12 + 0.9 * (-3.5 * t).exp()),
            validation_loss: Some(0.31 + 0.6 * (-4.5 * t).exp() + 0.12 * (t - 0.5).max(0.0)),
            validation: vec![
                (
                    "accuracy".into(),
                    0.9 - 0.5 * (-4.0 * t).exp() + 0.02 * noise.normal(),
                ),
                ("macro AUC".into(), 0.965 - 0.3 * (-4.0 * t).exp()),
            ],
        }
    });
    let neuron = |finding: &str, from: Option<&str>| Neuron {
        finding: finding.into(),
        origin: if from.is_some() {
            NeuronOrigin::Mapped
        } else {
            NeuronOrigin::Fresh
        },
        from: from.map(str::to_owned),
        weight_sha256: "00".repeat(32),
        old_weight_sha256: from.map(|_| "00".repeat(32)),
        bias: 0.1,
        bias_kept: from.is_some(),
    };
    let judged = |films, seed| evaluate(&predictions(films, &CLASSES, true, seed), &options()).unwrap();
    StageResult {
        sampling: None,
        calibration: None,
        name: "target".into(),
        architecture: "densenet121".into(),
        kind: Some(pleura_eval::Task::Exclusive),
        findings: CLASSES.map(String::from).into(),
        start: "the best of stage findings".into(),
        from: Some("findings".into()),
        films: used([788, 165, 169]),
        epochs: epochs.collect(),
        steps: steps(10, 50, 1.1, 0.12, &mut Noise::new(6)),
        best_epoch: Some(6),
        neurons: Some(Neurons {
            rule: KeepRule::WeightAndBias,
            neurons: vec![
                neuron("COVID-19", None),
                neuron("pneumonia", Some("Pneumonia")),
                neuron("normal", Some("No Finding")),
            ],
            left_behind: FINDINGS
                .iter()
                .filter(|f| !["Pneumonia", "No Finding"].contains(f))
                .map(ToString::to_string)
                .collect(),
            proof: Some(Proof {
                films: 32,
                neurons: 2,
                equal: "logits".into(),
            }),
        }),
        evaluations: vec![
            SplitEvaluation {
                split: "val".into(),
                evaluation: judged(165, 7),
            },
            SplitEvaluation {
                split: "test".into(),
                evaluation: judged(169, 8),
            },
        ],
    }
}

/// The same as the target stage, all output neurons fresh.
fn fresh_stage() -> StageResult {
    let mut stage = StageResult {
        name: "target-fresh".into(),
        neurons: None,
        ..target_stage()
    };
    stage.evaluations = vec![SplitEvaluation {
        split: "test".into(),
        evaluation: evaluate(&predictions(169, &CLASSES, true, 12), &options()).unwrap(),
    }];
    stage
}

fn used(films: [u64; 3]) -> Vec<StageSplit> {
    let splits = ["train", "val", "test"].into_iter().zip(films);
    splits
        .map(|(split, films)| StageSplit {
            split: split.into(),
            films,
            patients: films * 2 / 3,
            excluded: vec![("with several classes".into(), films / 100)],
        })
        .collect()
}

fn options() -> Options {
    Options {
        bootstrap: 200,
        ..Options::default()
    }
}

fn predictions(films: usize, findings: &[&str], exclusive: bool, seed: u64) -> Predictions {
    let mut noise = Noise::new(seed);
    let width = findings.len();
    let class = |film: usize| if film.is_multiple_of(8) { 0 } else { 1 + film % 2 };
    let mut present = Vec::new();
    let mut logits = Vec::new();
    for film in 0..films {
        for finding in 0..width {
            let has = if exclusive {
                class(film) == finding
            } else {
                noise.next() < 0.12 + if finding == 14 { 0.4 } else { 0.0 }
            };
            present.push(Some(has));
            let strength = if exclusive {
                3.2
            } else {
                1.2 + 0.1 * finding as f64
            };
            logits.push(
                (if has { strength } else { 0.0 } + 1.2 * noise.normal() - if exclusive { 0.0 } else { 1.5 })
                    as f32,
            );
        }
    }
    let truth = if exclusive {
        Truth::Exclusive((0..films).map(|film| Some(class(film))).collect())
    } else {
        Truth::Independent(present)
    };
    let source = |film: usize| {
        if exclusive && class(film) == 0 {
            "Cohen"
        } else {
            "NIH ChestX-ray14"
        }
    };
    Predictions::from_logits(
        findings.iter().map(ToString::to_string).collect(),
        (0..films).map(|film| format!("film-{film:04}")).collect(),
        (0..films)
            .map(|film| format!("patient-{:04}", film * 2 / 3))
            .collect(),
        (0..films).map(|film| source(film).to_owned()).collect(),
        truth,
        &logits,
    )
    .unwrap()
}

fn keeping() -> KeepingExperiment {
    let mut noise = Noise::new(9);
    let mut runs = Vec::new();
    for seed in 0..5 {
        for kept in [true, false] {
            let start = if kept { 0.52 } else { 0.33 };
            let by_epoch = (0..=8)
                .map(|epoch| 0.88 - (0.88 - start) * (-0.7 * epoch as f64).exp() + 0.015 * noise.normal())
                .collect();
            runs.push(KeepingRun { seed, kept, by_epoch });
        }
    }
    let at = |epoch: usize, kept| {
        runs.iter()
            .filter(|r: &&KeepingRun| r.kept == kept)
            .map(|r| r.by_epoch[epoch])
            .collect::<Vec<_>>()
    };
    let differences = [0, 1, 2, 3, 5].map(|epoch| EpochDifference {
        epoch,
        paired: paired_seeds(&at(epoch, false), &at(epoch, true), 0.95).unwrap(),
    });
    KeepingExperiment {
        setting: "Stage target was trained ten times from the same weights: five seeds, each with the neurons for pneumonia and normal kept and with all neurons fresh.".into(),
        metric: "validation accuracy".into(),
        differences: differences.into(),
        runs,
    }
}

fn words() -> TextExperiment {
    let share = |right: usize, low: f64, high: f64| Estimate {
        value: Some(right as f64 / 169.0),
        low: Some(low),
        high: Some(high),
        right: Some(right),
        n: 169,
        patients: 113,
        method: pleura_eval::Method::PatientBootstrap,
        ..Estimate::undefined(0.95)
    };
    let change = |value: f64, low: f64, high: f64| Estimate {
        value: Some(value),
        low: Some(low),
        high: Some(high),
        n: 169,
        patients: 113,
        ..Estimate::undefined(0.95)
    };
    TextExperiment {
        setting: "The test films were shown again with every word and marker covered by the grey of its surroundings, and with random patches of equal area covered.".into(),
        conditions: vec![
            TextCondition { name: "as they are".into(), accuracy: share(157, 0.882, 0.965), change: None },
            TextCondition { name: "words covered".into(), accuracy: share(151, 0.839, 0.938), change: Some(change(-0.0355, -0.071, -0.006)) },
            TextCondition { name: "random patches covered".into(), accuracy: share(156, 0.876, 0.959), change: Some(change(-0.0059, -0.024, 0.012)) },
        ],
        relevance_on_text: Some(0.081),
        area_of_text: Some(0.012),
    }
}

fn gallery() -> Gallery {
    let item = |index: usize, truth: &str, prediction: &str, probability: f64| GalleryItem {
        title: format!("NIH ChestX-ray14-0000{}_00{index}", 1280 + index),
        png: picture(index as u64),
        truth: truth.into(),
        prediction: prediction.into(),
        probability,
        explained: prediction.into(),
        right: Some(truth == prediction),
        phantom: index % 3 == 2,
        caption: if index == 1 {
            "31 % of the relevance lies outside the lungs.".into()
        } else {
            String::new()
        },
        ledger: vec![LedgerLine {
            finding: prediction.into(),
            start: 3.214,
            input: 2.871,
            bias: 0.331,
            epsilon: 0.012,
        }],
    };
    Gallery {
        composite: "epsilon-plus-flat".into(),
        items: vec![
            item(1, "pneumonia", "normal", 0.561),
            item(2, "COVID-19", "pneumonia", 0.487),
            item(3, "COVID-19", "COVID-19", 0.994),
            item(4, "COVID-19", "COVID-19", 0.931),
            item(5, "pneumonia", "pneumonia", 0.882),
            item(6, "normal", "normal", 0.973),
            item(7, "normal", "normal", 0.904),
        ],
    }
}

/// A grey thorax-like picture with red and blue blots.
pub(crate) fn picture(seed: u64) -> Vec<u8> {
    let mut noise = Noise::new(100 + seed);
    let blots: Vec<[f64; 4]> = (0..6)
        .map(|i| {
            [
                noise.next(),
                noise.next(),
                0.04 + 0.1 * noise.next(),
                if i % 3 == 0 { -1.0 } else { 1.0 },
            ]
        })
        .collect();
    let film = image::RgbImage::from_fn(224, 224, |x, y| {
        let (u, v) = (f64::from(x) / 224.0, f64::from(y) / 224.0);
        let lung = |centre: f64| (-((u - centre) / 0.13).powi(4) - ((v - 0.48) / 0.32).powi(4)).exp();
        let grey = 0.68 - 0.5 * (lung(0.3) + lung(0.7)) + 0.05 * (v * 40.0).sin() * (lung(0.3) + lung(0.7));
        let relevance: f64 = blots
            .iter()
            .map(|b| b[3] * (-((u - b[0]).powi(2) + (v - b[1]).powi(2)) / (b[2] * b[2])).exp())
            .sum();
        let strength = relevance.abs().min(1.0) * 0.75;
        let tint = if relevance > 0.0 {
            [0.70, 0.09, 0.17]
        } else {
            [0.13, 0.40, 0.67]
        };
        image::Rgb(
            [0, 1, 2].map(|c: usize| {
                (255.0 * (grey * (1.0 - strength) + tint[c] * strength)).clamp(0.0, 255.0) as u8
            }),
        )
    });
    let mut png = std::io::Cursor::new(Vec::new());
    film.write_to(&mut png, image::ImageFormat::Png).unwrap();
    png.into_inner()
}
