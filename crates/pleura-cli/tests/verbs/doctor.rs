use crate::scene::Scene;

#[test]
fn this_machine_is_sound_and_described() {
    let said = Scene::new().run(&["doctor", "--json", "--threads", "2"]);
    let report = said.json();
    assert_eq!((said.code, &report["sound"]), (0, &true.into()), "{}", said.out);
    let checks = report["checks"].as_array().unwrap();
    assert_eq!(checks.len(), 6);
    for check in checks {
        assert_eq!(check["passed"], true, "{check}");
    }
    let machine = &report["machine"];
    assert_eq!(machine["threads"], 2);
    assert!(machine["simd"].is_string() && machine["version"] == env!("CARGO_PKG_VERSION"));
}

#[test]
fn a_person_reads_a_table() {
    let said = Scene::new().run(&["doctor"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    for words in [
        "SIMD path",
        "memory",
        "film cache here    DIR/.pleura-cache",
        "greatest relative error",
        "All checks passed.",
    ] {
        assert!(said.out.contains(words), "{words}: {}", said.out);
    }
}
