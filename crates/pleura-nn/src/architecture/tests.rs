use super::*;

fn trainable(name: &str) -> usize {
    let specs = Architecture::by_name(name).unwrap().parameters(1000);
    specs
        .iter()
        .filter(|spec| spec.kind.trainable())
        .map(ParameterSpec::elements)
        .sum()
}

#[test]
fn parameter_counts_are_the_published_ones() {
    // `num_params` in torchvision's DenseNet*_Weights.
    assert_eq!(trainable("densenet121"), 7_978_856);
    assert_eq!(trainable("densenet161"), 28_681_000);
    assert_eq!(trainable("densenet169"), 14_149_480);
    assert_eq!(trainable("densenet201"), 20_013_928);
}

#[test]
fn maps_shrink_as_in_torchvision() {
    let architecture = Architecture::by_name("densenet121").unwrap();
    let sizes = architecture.map_sizes(224).unwrap();
    assert_eq!((sizes.convolution, sizes.blocks), (112, vec![56, 28, 14, 7]));
    assert_eq!(architecture.smallest_input(), 29);
    assert_eq!(architecture.map_sizes(29).unwrap().blocks, [8, 4, 2, 1]);
    let error = architecture.map_sizes(28).unwrap_err().to_string();
    assert!(error.contains("28") && error.contains("29"), "{error}");
}

#[test]
fn smallest_input_is_where_maps_begin_to_exist() {
    let stems = [
        Stem::torchvision(4),
        Stem {
            channels: 4,
            convolution: Window {
                kernel: 3,
                stride: 1,
                padding: 1,
            },
            pool: None,
        },
        Stem {
            channels: 4,
            convolution: Window {
                kernel: 5,
                stride: 3,
                padding: 0,
            },
            pool: None,
        },
    ];
    for (stem, blocks) in stems
        .into_iter()
        .flat_map(|stem| (1..5).map(move |blocks| (stem, blocks)))
    {
        let architecture = Architecture::new("test", stem, 2, 4, &vec![1; blocks]).unwrap();
        let smallest = (0..200).find(|&size| architecture.map_sizes(size).is_ok());
        assert_eq!(
            smallest,
            Some(architecture.smallest_input()),
            "{stem:?}, {blocks} blocks"
        );
    }
}

#[test]
fn a_description_from_a_file_is_checked() {
    let good = Architecture::by_name("small").unwrap();
    let text = serde_json::to_string(&good).unwrap();
    assert_eq!(serde_json::from_str::<Architecture>(&text).unwrap(), good);
    for (from, to) in [
        ("\"growth\":12", "\"growth\":0"),
        ("\"growth\":12", "\"growth\":99999999999"),
        ("[3,4,4]", "[]"),
        ("[3,4,4]", "[3,0]"),
        ("\"padding\":3", "\"padding\":9"),
        ("\"name\":\"small\"", "\"name\":\"\""),
    ] {
        let bad = text.replace(from, to);
        assert_ne!(bad, text);
        assert!(serde_json::from_str::<Architecture>(&bad).is_err(), "{bad}");
    }
}

#[test]
fn unknown_names_are_refused_with_the_known_ones() {
    let error = Architecture::by_name("densenet264").unwrap_err().to_string();
    assert!(
        error.contains("densenet264") && error.contains("densenet201"),
        "{error}"
    );
    for name in NAMES {
        assert_eq!(Architecture::by_name(name).unwrap().name(), name);
    }
}
