//! The audit of the made-up run.

use pleura_run::audit::{AuditRecord, Check, Figure, Verdict};

pub(super) fn audit() -> AuditRecord {
    let features = Check {
        name: "features".into(),
        asks: "Do the network's features predict the source, among films of one class?".into(),
        verdict: Verdict::Alarm,
        says: "the features predict the source better than permuted labels".into(),
        value: Some(0.47),
        threshold: Some(0.2),
        p: Some(0.002),
        remedy: "train on classes that share their sources".into(),
        literature: vec!["DeGrave, Janizek & Lee 2021".into()],
        figure: Some(Figure::Null {
            axis: "share of films with the right source".into(),
            observed: 0.47,
            interval: (0.41, 0.54),
            chance: 0.25,
            null: (0..200).map(|draw| 0.20 + 0.0004 * f64::from(draw)).collect(),
        }),
    };
    let sources = Check {
        name: "class-source".into(),
        asks: "Is the class associated with the source of the film?".into(),
        verdict: Verdict::Note,
        says: "classes have different sources".into(),
        value: Some(0.31),
        threshold: Some(0.5),
        p: Some(0.012),
        figure: Some(Figure::Counts {
            axis: "source".into(),
            rows: vec!["COVID-19".into(), "normal".into()],
            columns: vec!["Cohen".into(), "NIH ChestX-ray14".into()],
            counts: vec![vec![22, 0], vec![0, 84]],
        }),
        ..Check::default()
    };
    let lungs = Check {
        name: "outside-lungs".into(),
        asks: "Is the relevance outside the lungs?".into(),
        verdict: Verdict::NotPossible,
        says: "the manifest has no lung masks".into(),
        ..Check::default()
    };
    AuditRecord {
        films: 169,
        stage: Some("target".into()),
        verdict: Verdict::Alarm,
        checks: vec![features, sources, lungs],
        ..AuditRecord::default()
    }
}
