//! The long help of every verb, as the program itself lists them.

use crate::scene::Scene;
use crate::session::{Figures, Session};

/// Commands below one, as its help lists them.
fn commands(scene: &Scene, path: &[&str]) -> Vec<String> {
    let said = scene.run(&[path, &["--help"]].concat());
    assert_eq!(said.code, 0, "{path:?}: {}", said.err);
    let Some((_, list)) = said.out.split_once("\nCommands:\n") else {
        return Vec::new();
    };
    // A name stands two blanks in; what its description does not fit goes on further in.
    list.lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

fn freeze(scene: &Scene, path: &[&str]) {
    let mut session = Session::new(scene, Figures::Exact);
    session.run(&[path, &["--help"]].concat().join(" "));
    session.freeze(&["help", &path.join("-")].join("-"));
    for name in commands(scene, path) {
        freeze(scene, &[path, &[name.as_str()]].concat());
    }
}

#[test]
fn every_verb() {
    let scene = Scene::new();
    let listed = commands(&scene, &[]);
    assert!(listed.len() > 10, "{listed:?}");
    freeze(&scene, &[]);
}
