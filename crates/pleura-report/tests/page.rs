//! The page as a whole: well formed, self-contained, safe against hostile names, the same twice.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops where it fails"
)]

mod sample;

use pleura_report::{ReportInput, render};

/// Elements that HTML never closes.
const VOID: [&str; 4] = ["meta", "img", "br", "link"];

/// Walks the page's tags; fails on one that is closed out of order or not at all. Returns every attribute
/// with a value.
fn attributes(page: &str) -> Vec<(String, String)> {
    let mut open: Vec<String> = Vec::new();
    let mut found = Vec::new();
    let mut rest = page;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        if rest.starts_with('!') {
            continue;
        }
        let end = end_of_tag(rest);
        let tag = &rest[..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "closed out of order");
            continue;
        }
        let name = tag.split([' ', '\n']).next().unwrap();
        assert!(
            name.chars().all(|c| c.is_ascii_alphanumeric()),
            "<{tag}> is no tag"
        );
        found.extend(tag.split("=\"").collect::<Vec<_>>().windows(2).map(|pair| {
            let key = pair[0].rsplit([' ', '"', '\n']).next().unwrap().to_owned();
            (key, pair[1].split('"').next().unwrap().to_owned())
        }));
        if name == "style" {
            rest = &rest[rest.find("</style>").unwrap()..];
        }
        if !VOID.contains(&name) {
            open.push(name.to_owned());
        }
    }
    assert!(open.is_empty(), "never closed: {open:?}");
    found
}

/// Where a tag ends: `>` in a quoted value does not end it.
fn end_of_tag(text: &str) -> usize {
    let mut quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '>' if !quoted => return at,
            _ => {}
        }
    }
    panic!("a tag never ends: {:?}", &text[..text.len().min(60)]);
}

#[test]
fn a_full_report_is_well_formed_and_loads_nothing() {
    let page = render(&sample::input()).html;
    let attributes = attributes(&page);
    for (name, value) in &attributes {
        match name.as_str() {
            "src" => assert!(value.starts_with("data:image/png;base64,"), "{value}"),
            "href" => assert!(value.starts_with('#'), "{value}"),
            "xmlns" => assert_eq!(value, "http://www.w3.org/2000/svg"),
            name => assert!(!name.starts_with("on"), "{name} runs a script"),
        }
    }
    let style = &page[page.find("<style>").unwrap()..page.find("</style>").unwrap()];
    for forbidden in ["url(", "@import", "http"] {
        assert!(!style.contains(forbidden), "{forbidden}");
    }
    assert!(!page.contains("<script") && !page.contains("<link") && !page.contains("<iframe"));
    let ids: Vec<&String> = attributes
        .iter()
        .filter(|(name, _)| name == "id")
        .map(|(_, value)| value)
        .collect();
    assert_eq!(
        ids.len(),
        ids.iter().collect::<std::collections::BTreeSet<_>>().len(),
        "an id occurs twice"
    );
    for (_, target) in attributes.iter().filter(|(name, _)| name == "href") {
        assert!(ids.iter().any(|id| **id == target[1..]), "{target} leads nowhere");
    }
    // Pictures are long enough to hold any word.
    let told: String = page
        .split("data:image/png;base64,")
        .map(|part| part.split_once('"').map_or(part, |(_, rest)| rest))
        .collect();
    assert!(
        !told.contains("NaN") && !told.contains("inf "),
        "numbers that are none"
    );
}

#[test]
fn every_picture_has_words_for_those_who_cannot_see_it() {
    let page = render(&sample::input()).html;
    assert_eq!(
        page.matches("<img ").count(),
        page.matches(" alt=\"Heatmap").count()
    );
    assert_eq!(
        page.matches("<svg ").count(),
        page.matches("role=\"img\" aria-label=\"").count()
    );
}

#[test]
fn the_notice_is_at_the_top_at_the_end_and_on_paper() {
    let page = render(&sample::input()).html;
    let body = page.find("<body>").unwrap();
    assert!(page[body..].starts_with(
        "<body><div class=\"notice\" role=\"note\">Research use only. Not a medical device.</div>"
    ));
    assert!(page[page.find("<footer>").unwrap()..].contains("Research use only. Not a medical device."));
    assert!(page[..body].contains("@bottom-left { content: \"Research use only. Not a medical device.\""));
}

#[test]
fn equal_input_gives_equal_bytes() {
    assert_eq!(render(&sample::input()).html, render(&sample::input()).html);
}

#[test]
fn hostile_names_stay_text() {
    const EVIL: &str = "\"><script>alert(1)</script><img src=http://evil.example/x onerror=alert(1)>";
    let mut input = sample::input();
    input.title = EVIL.into();
    input.recipe = EVIL.into();
    input.warnings = vec![EVIL.into()];
    input.provenance.command = EVIL.into();
    for table in &mut input.data {
        table.name = EVIL.into();
        table.findings[0] = EVIL.into();
        table.counts[0].finding = EVIL.into();
        table.counts[0].source = EVIL.into();
        table.sources[0].licence = EVIL.into();
        table.exclusions[0].reason = EVIL.into();
    }
    for stage in &mut input.stages {
        stage.name = EVIL.into();
        stage.findings[0] = EVIL.into();
        for judged in &mut stage.evaluations {
            judged.split = EVIL.into();
            judged.evaluation.findings[0].name = EVIL.into();
            if let Some(confusion) = &mut judged.evaluation.confusion {
                confusion.classes[0] = EVIL.into();
            }
        }
        stage.epochs[0].validation[0].0 = EVIL.into();
    }
    for item in &mut input.gallery.items {
        item.title = EVIL.into();
        item.truth = EVIL.into();
        item.prediction = EVIL.into();
        item.explained = EVIL.into();
        item.caption = EVIL.into();
    }
    let page = render(&input).html;
    assert!(!page.contains("<script"));
    assert!(!page.contains("<img src=http"));
    for (name, value) in attributes(&page) {
        assert!(!name.starts_with("on"), "{name}");
        assert!(name != "src" || value.starts_with("data:"), "{value}");
    }
}

#[test]
fn an_empty_run_says_what_is_missing_and_makes_nothing_up() {
    let page = render(&ReportInput {
        title: "empty".into(),
        ..ReportInput::default()
    })
    .html;
    attributes(&page);
    for expected in [
        "This run has no stages yet.",
        "This run has no heatmaps.",
        "The run has no recipe.",
    ] {
        assert!(page.contains(expected), "{expected}");
    }
    assert!(!page.contains("accuracy"));
}

#[test]
fn the_summary_says_what_the_numbers_say() {
    let input = sample::input();
    let page = render(&input).html;
    let judged = &input.stages[1].evaluations[1].evaluation;
    let accuracy = judged.overall.accuracy.value.unwrap();
    let right = judged.overall.accuracy.right.unwrap();
    let summary = &page[page.find("id=\"summary\"").unwrap()..page.find("id=\"results\"").unwrap()];
    assert!(
        summary.contains(&format!(
            "{right} predictions were correct: accuracy {:.1} %",
            100.0 * accuracy
        )),
        "{summary}"
    );
    assert!(
        summary.contains("every film of COVID-19 comes from Cohen")
            || summary.contains("Every film of COVID-19 comes from Cohen")
    );
    assert!(summary.contains("Expect lower performance on films from other sources."));
}

/// Films `from..to` of two classes, answered by chance and a little more.
fn answers(name: &str, from: usize, to: usize) -> pleura_eval::Predictions {
    let mut noise = sample::Noise::new(from as u64 + 1);
    let classes: Vec<usize> = (from..to).map(|film| film % 2).collect();
    let logits: Vec<f32> = classes
        .iter()
        .flat_map(|&class| [(noise.normal() + if class == 0 { 1.0 } else { -1.0 }) as f32, 0.0])
        .collect();
    pleura_eval::Predictions::from_logits(
        vec!["sick <b>".into(), "well".into()],
        (from..to).map(|film| format!("{name}{film}")).collect(),
        (from..to).map(|film| format!("{name} p{}", film / 2)).collect(),
        vec![name.to_owned(); to - from],
        pleura_eval::Truth::Exclusive(classes.into_iter().map(Some).collect()),
        &logits,
    )
    .unwrap()
}

#[test]
fn evidence_and_series_have_their_parts() {
    let options = pleura_eval::Options {
        bootstrap: 100,
        bayes: 0,
        prevalence: [("sick <b>".to_owned(), 0.02)].into(),
        thresholds: [("sick <b>".to_owned(), 0.3)].into(),
        ..pleura_eval::Options::default()
    };
    let (ours, theirs) = (answers("ours", 0, 40), answers("<i>theirs", 40, 70));
    let mut other = ours.clone();
    other.scores = answers("x", 7, 47).scores;
    let mut input = sample::input();
    input.evidence = vec![pleura_run::Evidence {
        name: "outside".into(),
        when: "2026-05-01T09:30:00Z".into(),
        command: "pleura evaluate <run>".into(),
        model: "model".into(),
        films: "films".into(),
        notes: vec!["a note".into()],
        calibrated: Some("30 validation films of 15 patients".into()),
        evaluation: pleura_eval::evaluate(&ours, &options).unwrap(),
        comparison: Some((
            "another".into(),
            pleura_eval::compare(&ours, &other, &options).unwrap(),
        )),
        sources: Some(
            pleura_eval::by_source(&ours, &[("<i>theirs".to_owned(), theirs.clone())], &options).unwrap(),
        ),
    }];
    let fit = pleura_eval::calibration::FitOptions {
        model: "m".into(),
        films: "0123".into(),
        temperature: true,
        rules: [(
            "well".to_owned(),
            pleura_eval::calibration::Rule::Sensitivity { at_least: 0.9 },
        )]
        .into(),
        options: options.clone(),
    };
    input.stages[1].calibration = Some(pleura_eval::Calibration::fit(&ours, &fit).unwrap());
    let look = |model: &str| pleura_manifest::access_log::TestAccess {
        when: "2026-05-01T09:30:00Z".into(),
        who: "<u>somebody".into(),
        command: "evaluate".into(),
        test: "t".into(),
        films: 40,
        model: model.into(),
        software: "pleura".into(),
    };
    input.data[1].test_accesses = Some(pleura_report::TestAccesses {
        films: 40,
        digest: "t".into(),
        accesses: vec![look("a"), look("b"), look("b")],
        models: 2,
        others: 1,
        unreadable: true,
        changed: true,
    });
    let crossed = pleura_eval::cross_validate(&[ours.clone(), theirs.clone()], &options).unwrap();
    let rung = |part: f64, films: usize| pleura_eval::LearningCurvePoint {
        part,
        films: vec![films],
        patients: vec![films / 2],
        seeds: vec![1],
        metrics: crossed.mean.clone(),
    };
    let curve = pleura_eval::LearningCurve {
        stage: "target".into(),
        split: "val".into(),
        rungs: vec![rung(0.5, 20), rung(1.0, 40)],
    };
    input.series = Some(pleura_report::SeriesFindings {
        crossed: vec![("target".into(), crossed)],
        curve: Some(curve.clone()),
    });
    let page = render(&input).html;
    attributes(&page);
    for expected in [
        "The test films were used 3 times by 2 models.",
        "If the best model was selected by these results",
        "was changed after it was made",
        "Some lines of the test access log",
        "other test films were used 1 time",
        "Evaluation outside",
        "Probabilities were calibrated on 30 validation films",
        "predicted separately by a threshold",
        "Predictive values at a given prevalence",
        "Against another",
        "By source",
        "what is lost there, in percentage points",
        "Cross-validation of stage target",
        "The epoch was chosen on the validation films, so these numbers are too good",
    ] {
        assert!(page.contains(expected), "{expected}");
    }
    for hostile in ["<b>", "<i>", "<u>", "<run>"] {
        assert!(!page.contains(hostile), "{hostile}");
    }

    let folder = tempfile::tempdir().unwrap();
    let written = pleura_report::write_learning_curve(&curve, folder.path()).unwrap();
    assert_eq!(written.len(), 6, "{written:?}");
    let table = std::fs::read_to_string(&written[0]).unwrap();
    assert_eq!(table.lines().count(), 1 + 2 * curve.rungs[0].metrics.len());
    assert!(
        table
            .lines()
            .nth(1)
            .unwrap()
            .starts_with("target,val,0.5,1,20,10,,accuracy,"),
        "{table}"
    );
}

#[test]
fn an_audit_has_a_chapter_that_leads_with_what_is_worst() {
    use pleura_run::audit::{AuditRecord, Check, Figure, Verdict};
    let check = |name: &str, verdict: Verdict, figure: Figure| Check {
        name: name.into(),
        asks: format!("Does {name} give the class away?"),
        verdict,
        says: format!("what {name} says"),
        remedy: if verdict == Verdict::Pass {
            String::new()
        } else {
            "crop all films alike".into()
        },
        literature: vec!["Somebody 2021".into()],
        figure: Some(figure),
        ..Check::default()
    };
    let null = Figure::Null {
        axis: "share recognised".into(),
        observed: 0.8,
        interval: (0.7, 0.9),
        chance: 0.33,
        null: vec![0.2, 0.3, 0.4],
    };
    let counts = Figure::Counts {
        axis: "hospital".into(),
        rows: vec!["normal".into(), "COVID-19".into()],
        columns: vec!["here".into(), "there".into()],
        counts: vec![vec![9, 0], vec![0, 7]],
    };
    let mut input = sample::input();
    input.audit = Some(AuditRecord {
        films: 120,
        stage: Some("target".into()),
        verdict: Verdict::Block,
        checks: vec![
            check("class-source", Verdict::Block, counts),
            check("border", Verdict::Alarm, null.clone()),
            check("file", Verdict::Pass, null),
        ],
        ..AuditRecord::default()
    });
    let page = render(&input).html;
    assert!(page.contains("The results are void until this is corrected: class-source."));
    assert!(page.contains("3 checks of 120 films, and of the network of stage target."));
    for svg in ["class-source", "border"] {
        assert!(
            page.contains(&format!("<title>Does {svg} give the class away?</title>")),
            "{svg}"
        );
    }
    assert!(page.contains("Does file give the class away?") && !page.contains("<title>Does file give"));
    for number in [
        "permuted labels: median",
        "0.700 to 0.900",
        "Films by class and hospital",
    ] {
        assert!(page.contains(number), "{number}");
    }
}

#[test]
fn an_audit_that_asked_no_network_does_not_speak_for_it() {
    use pleura_run::audit::{AuditRecord, Check, Verdict};
    let page = |checks: &[(&str, Verdict)]| {
        let check = |&(name, verdict): &(&str, Verdict)| Check {
            name: name.into(),
            asks: format!("Does {name} give the class away?"),
            verdict,
            says: format!("what {name} says"),
            ..Check::default()
        };
        let mut input = sample::input();
        input.audit = Some(AuditRecord {
            films: 120,
            stage: Some("target".into()),
            verdict: Verdict::Note,
            checks: checks.iter().map(check).collect(),
            ..AuditRecord::default()
        });
        let page = render(&input).html;
        let (_, summary) = page.split_once("What the network probably uses").unwrap();
        summary.split_once("</section>").unwrap().0.to_owned()
    };
    let (nobody, shortcut, alarm) = (
        "The network itself was not tested",
        "found no shortcut",
        "It raised an alarm",
    );
    let films = page(&[("file", Verdict::Pass), ("words", Verdict::NotPossible)]);
    assert!(
        films.contains(nobody) && !films.contains(shortcut) && !films.contains(alarm),
        "{films}"
    );
    let loud = page(&[("file", Verdict::Alarm)]);
    assert!(
        loud.contains(nobody) && loud.contains(alarm) && loud.contains("Does file give"),
        "{loud}"
    );
    let asked = page(&[("features", Verdict::Pass), ("outside-lungs", Verdict::Note)]);
    assert!(asked.contains(shortcut) && !asked.contains(nobody), "{asked}");
    let place = |words: &str| asked.find(words).unwrap();
    assert!(
        place("hat outside-lungs says") < place("hat features says"),
        "where it looks comes first"
    );
}
