//! The page of one film: it holds the raw numbers, asks for nothing, and no name in it becomes markup.

#![allow(clippy::unwrap_used, reason = "tests")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pleura_draw::picture::{Contours, Outline};
use pleura_draw::viewer::{LedgerRow, LedgerTable, Viewer, ViewerMap, viewer};
use pleura_film::{Film, Fit, Geometry};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

const SIZE: usize = 48;
const HOSTILE: &str = "a</script><img src=x onerror=alert(1)> & \"b\"";

fn values(seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 16_777_216.0 - 0.5
    };
    (0..SIZE * SIZE).map(|_| 1e-3 * next()).collect()
}

fn page(title: &str, bit_depth: u8, contours: &Contours) -> String {
    let mut film = Film::from_grey(90, 70, (0..6300).map(|at| (at % 251) as f32 / 250.0).collect()).unwrap();
    film.source.bit_depth = bit_depth;
    let geometry = Geometry::new(90, 70, SIZE, Fit::Pad);
    let (first, second) = (values(1), values(2));
    let map = |question: &str, method: &str, values, probability| ViewerMap {
        question: question.to_owned(),
        probability,
        method: method.to_owned(),
        start: "the logit".to_owned(),
        unit: "logit per map pixel".to_owned(),
        values,
        ledger: Some(LedgerTable {
            start: 1.5,
            input: 1.0,
            bias: 0.5,
            epsilon: 0.0,
            entries: vec![LedgerRow {
                layer: "classifier".to_owned(),
                received: 1.5,
                passed: 1.0,
                bias: 0.5,
                epsilon: 0.0,
            }],
        }),
        remark: "+1.500 = +1.000 in pixels".to_owned(),
    };
    let mask: Vec<bool> = (0..6300)
        .map(|at| (20..40).contains(&(at % 90)) && (10..50).contains(&(at / 90)))
        .collect();
    viewer(&Viewer {
        title,
        notes: &["Label: x.".to_owned()],
        film: &film,
        geometry: &geometry,
        maps: &[
            map("COVID-19", "LRP, lrp-0", &first, Some(0.75)),
            map("normal", "LRP, lrp-0", &second, None),
        ],
        outlines: &[Outline {
            width: 90,
            height: 70,
            mask: &mask,
            colour: Outline::GREEN,
            label: "lesion".to_owned(),
        }],
        contours,
        about: &[("digest".to_owned(), "00ff".to_owned())],
    })
    .unwrap()
}

/// What stands between two marks of a page.
fn between<'a>(page: &'a str, begin: &str, end: &str) -> &'a str {
    let (_, rest) = page.split_once(begin).unwrap_or_else(|| panic!("no {begin}"));
    rest.split_once(end).unwrap_or_else(|| panic!("no {end}")).0
}

fn data(page: &str) -> Value {
    serde_json::from_str(between(page, "type=\"application/json\">", "</script>")).unwrap()
}

#[test]
fn the_numbers_in_the_page_are_the_raw_ones() {
    let data = data(&page("a", 8, &Contours::default()));
    for (map, seed) in data["maps"].as_array().unwrap().iter().zip([1, 2]) {
        let bytes = STANDARD.decode(map["values"].as_str().unwrap()).unwrap();
        let found: Vec<f32> = bytes
            .chunks_exact(4)
            .map(|four| f32::from_le_bytes(four.try_into().unwrap()))
            .collect();
        assert_eq!(found, values(seed));
    }
    let geometry: Geometry = serde_json::from_value(data["geometry"].clone()).unwrap();
    assert_eq!(geometry, Geometry::new(90, 70, SIZE, Fit::Pad));
    // A small film is kept pixel by pixel.
    let levels = STANDARD.decode(data["film"]["levels"].as_str().unwrap()).unwrap();
    assert_eq!(levels.len(), 90 * 70);
    assert_eq!((levels[0], levels[250], levels[251]), (0, 255, 0));
    assert_eq!(data["maps"][0]["ledger"]["entries"][0]["layer"], "classifier");
}

#[test]
fn films_of_many_bits_keep_them() {
    let data = data(&page("a", 12, &Contours::default()));
    let levels = STANDARD.decode(data["film"]["levels"].as_str().unwrap()).unwrap();
    assert_eq!(
        (data["film"]["bits"].as_u64(), levels.len()),
        (Some(16), 2 * 90 * 70)
    );
    assert_eq!(u16::from_le_bytes([levels[2], levels[3]]), 262);
}

#[test]
fn lines_lie_around_their_places() {
    let contours = Contours {
        shares: vec![0.5],
        smoothing: 2.0,
    };
    let asked = data(&page("a", 8, &contours));
    assert_eq!(asked["contours_on"], true);
    let lines = asked["maps"][0]["contours"].as_array().unwrap();
    assert_eq!(lines.len(), 2);
    assert!(
        lines
            .iter()
            .all(|line| !line["lines"].as_array().unwrap().is_empty())
    );
    let other = data(&page("a", 8, &Contours::default()));
    assert_eq!(
        (
            &other["contours_on"],
            other["maps"][0]["contours"].as_array().unwrap().len()
        ),
        (&false.into(), 4)
    );

    // A mask's border is a square of a line, its corners cut.
    let outline = &asked["outlines"][0];
    assert_eq!(outline["label"], "lesion");
    let line: Vec<f64> = outline["lines"][0]
        .as_array()
        .unwrap()
        .iter()
        .map(|at| at.as_f64().unwrap() / 20.0)
        .collect();
    let (across, down): (Vec<f64>, Vec<f64>) = line.chunks_exact(2).map(|point| (point[0], point[1])).unzip();
    let range = |at: &[f64]| {
        (
            at.iter().copied().fold(f64::MAX, f64::min),
            at.iter().copied().fold(0.0, f64::max),
        )
    };
    assert_eq!(
        (range(&across), range(&down), line.len()),
        ((20.0, 40.0), (10.0, 50.0), 16)
    );
}

#[test]
fn the_page_asks_for_nothing_and_lets_only_itself_run() {
    let page = page(HOSTILE, 8, &Contours::default());
    // The name itself stands in the data, as text; the program hands a picture that it drew to the browser.
    let markup = page
        .replace("img src=x onerror", "")
        .replace("ObjectURL(", "")
        .to_lowercase();
    for outside in [
        "http:", "https:", "//cdn", " src=", "<link", "<img", "<iframe", "url(", "@import", "xmlns",
    ] {
        assert!(!markup.contains(outside), "{outside}");
    }
    assert!(!markup.contains(" style=\"") && !markup.contains(" onclick"));
    // Two scripts: the data and the program. Were a name able to end one, there would be a third.
    assert_eq!(markup.matches("<script").count(), 2);
    assert_eq!(markup.matches("</script").count(), 2);
    assert_eq!(data(&page)["title"], HOSTILE);
    assert!(page.contains("Research use only. Not a medical device."));

    let policy = between(&page, "Content-Security-Policy\" content=\"", "\"");
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    let digest = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    assert!(policy.contains(&format!(
        "script-src {};",
        digest(between(&page, "<script>", "</script>"))
    )));
    assert!(policy.contains(&format!(
        "style-src {};",
        digest(between(&page, "<style>", "</style>"))
    )));
}

#[test]
fn every_control_that_the_script_asks_for_is_there_once() {
    let page = page("a", 8, &Contours::default());
    let script = between(&page, "<script>", "</script>");
    let asked = script
        .split("one(\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap());
    let asked: std::collections::BTreeSet<&str> = asked
        .chain(["opacity", "smoothing", "shared", "squares", "invert", "outline-0"])
        .collect();
    assert!(asked.len() > 15);
    for id in asked {
        assert_eq!(page.matches(&format!(" id=\"{id}\"")).count(), 1, "{id}");
    }
    // Every label speaks of a control, and each kind of choice is offered.
    for name in ["question", "method", "view"] {
        assert!(page.contains(&format!("name=\"{name}\"")));
    }
}

#[test]
fn equal_input_gives_equal_bytes_and_wrong_sizes_are_refused() {
    assert_eq!(
        page("a", 8, &Contours::default()),
        page("a", 8, &Contours::default())
    );
    let film = Film::from_grey(2, 2, vec![0.0; 4]).unwrap();
    let geometry = Geometry::new(2, 2, 4, Fit::Stretch);
    let empty = Viewer {
        title: "a",
        notes: &[],
        film: &film,
        geometry: &geometry,
        maps: &[],
        outlines: &[],
        contours: &Contours::default(),
        about: &[],
    };
    assert!(viewer(&empty).unwrap_err().to_string().contains("no map"));
    let short = [ViewerMap {
        question: "x".to_owned(),
        probability: None,
        method: String::new(),
        start: String::new(),
        unit: String::new(),
        values: &[0.0; 5],
        ledger: None,
        remark: String::new(),
    }];
    let wrong = Viewer {
        maps: &short,
        ..empty
    };
    assert_eq!(
        viewer(&wrong).unwrap_err().to_string(),
        "cannot make the page of film \"a\": the map for \"x\" has 5 values, expected 4 x 4"
    );
}
