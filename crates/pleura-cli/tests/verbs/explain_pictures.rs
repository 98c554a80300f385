//! Pictures of heatmaps and the page that shows them.

use std::fs;

use serde_json::Value;

use crate::explain::{explain, scene};
use crate::scene::Scene;

/// The data block of a film's page.
pub(crate) fn page(scene: &Scene, record: &Value) -> Value {
    let text = fs::read_to_string(scene.path(record["viewer"].as_str().unwrap())).unwrap();
    let (_, rest) = text.split_once("type=\"application/json\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

#[test]
fn several_composites_have_pictures_and_one_page_of_their_own() {
    let scene = scene();
    let record = explain(
        &scene,
        &[
            "--composite",
            "lrp-0,epsilon-plus-flat,lrp-0",
            "--finding",
            "normal",
            "--json",
        ],
    )
    .json();
    assert_eq!(record["composite"], "lrp-0, epsilon-plus-flat");
    let pictures: Vec<&str> = record["maps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|map| map["picture"].as_str().unwrap())
        .collect();
    assert_eq!(
        pictures,
        ["maps/a.normal.lrp-0.png", "maps/a.normal.epsilon-plus-flat.png"]
    );
    assert_ne!(
        fs::read(scene.path(pictures[0])).unwrap(),
        fs::read(scene.path(pictures[1])).unwrap()
    );
    let page = page(&scene, &record);
    let methods: Vec<&Value> = page["maps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|map| &map["method"])
        .collect();
    assert_eq!(methods, ["LRP, lrp-0", "LRP, epsilon-plus-flat"]);
    assert_eq!(page["maps"][0]["ledger"]["start"], record["logits"]["normal"]);

    fs::remove_dir_all(scene.path("maps")).unwrap();
    let record = explain(&scene, &["--no-viewer", "--json"]).json();
    assert!(record["viewer"].is_null() && !scene.path("maps/a.html").exists());
}

#[test]
fn lines_scale_and_masks_change_the_picture() {
    let scene = scene();
    let drawn = |options: &[&str]| {
        let said = explain(&scene, &[&["--finding", "normal", "--json"], options].concat());
        assert_eq!(said.code, 0, "{options:?}: {}", said.err);
        let record = said.json();
        (
            fs::read(scene.path("maps/a.normal.png")).unwrap(),
            page(&scene, &record),
        )
    };
    // The mask of another resolution covers the same film.
    let mask: Vec<u8> = (0..180 * 140)
        .map(|at| if at % 180 > 60 && at / 180 > 50 { 255 } else { 0 })
        .collect();
    scene.bytes("mask.png", &pleura_film::grey_png_8(180, 140, &mask).unwrap());
    let (plain, page) = drawn(&[]);
    assert_eq!(
        (page["outlines"].as_array().unwrap().len(), &page["contours_on"]),
        (0, &false.into())
    );
    for options in [
        ["--contours", "0.5,0.9"],
        ["--scale", "0.001"],
        ["--smooth", "3"],
        ["--side", "300"],
        ["--lung-mask", "mask.png"],
        ["--lesion-mask", "mask.png"],
        ["--text-mask", "mask.png"],
    ] {
        let (picture, page) = drawn(&options);
        assert_ne!(picture, plain, "{options:?}");
        assert_eq!(
            page["outlines"].as_array().unwrap().len(),
            usize::from(options[0].ends_with("mask"))
        );
        assert_eq!(page["contours_on"], options[0] == "--contours");
    }
    let refused = |options: &[&str]| {
        let said = explain(&scene, options);
        assert_ne!(said.code, 0, "{options:?}");
        said.err
    };
    assert!(refused(&["--contours", "50"]).contains("above 0 and below 1"));
    assert!(refused(&["--scale", "-1"]).contains("scale"));
    scene.bytes(
        "square.png",
        &pleura_film::grey_png_8(50, 50, &[255; 2500]).unwrap(),
    );
    assert!(refused(&["--lung-mask", "square.png"]).contains("proportions must agree"));
    scene.film("b.png", 4);
    assert!(refused(&["b.png", "--lung-mask", "mask.png"]).contains("a mask belongs to one film"));
}
