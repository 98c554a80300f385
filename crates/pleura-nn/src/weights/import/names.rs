//! Older tensor names of torchvision's `DenseNet`, and the prefixes of other programs.

use std::collections::BTreeMap;

use super::{Array, few};
use crate::error::Error;

/// Tensors under torchvision's current names.
pub(super) struct Layout {
    pub(super) tensors: BTreeMap<String, Array>,
    /// Prefix of all names.
    pub(super) prefix: String,
    /// Number of names in an older form.
    pub(super) renamed: usize,
    /// `CheXNet`'s form of a head: a `classifier.0` in a module called `densenet121`.
    pub(super) chexnet: bool,
}

const FIRST: &str = "features.conv0.weight";

/// Removes the prefix (`module.` of `DataParallel`, `densenet121.` of a wrapper) and joins names that older
/// versions split: `norm.1`, `conv.2`, and `classifier.0` for a head inside an `nn.Sequential`. Undoes MONAI's
/// names. The only linear layer beside the features is the head, whatever its name.
pub(super) fn to_torchvision(tensors: BTreeMap<String, Array>, file: &str) -> Result<Layout, Error> {
    let refuse = |problem: String| Error::Format {
        name: file.to_owned(),
        problem,
    };
    let found: Vec<&str> = tensors.keys().map(String::as_str).collect();
    let prefixes: Vec<&str> = found.iter().filter_map(|name| name.strip_suffix(FIRST)).collect();
    let prefix = match prefixes[..] {
        [prefix] => prefix.to_owned(),
        [] => {
            return Err(refuse(format!(
                "not a DenseNet of torchvision: no {FIRST}, but {}",
                few(&found)
            )));
        }
        _ => {
            return Err(refuse(format!(
                "holds several networks, under {}; export the one you want",
                few(&prefixes)
            )));
        }
    };
    let head = only_linear_layer(&tensors, &prefix);
    let is_head = |name: &str| {
        let parameter = head.as_deref().and_then(|head| name.strip_prefix(head));
        matches!(parameter, Some(".weight" | ".bias"))
    };
    let strange: Vec<&str> = found
        .iter()
        .copied()
        .filter(|name| !name.starts_with(&prefix) && !is_head(name))
        .collect();
    if !strange.is_empty() {
        return Err(refuse(format!(
            "beside the network under {prefix:?} there are {}",
            few(&strange)
        )));
    }
    let mut layout = Layout {
        tensors: BTreeMap::new(),
        prefix,
        renamed: 0,
        chexnet: false,
    };
    for (name, array) in tensors {
        if is_head(&name) {
            let parameter = name.rsplit('.').next().unwrap_or_default();
            layout.renamed += 1;
            layout.tensors.insert(format!("classifier.{parameter}"), array);
            continue;
        }
        let own = &name[layout.prefix.len()..];
        let current = renamed_layer(own).or_else(|| renamed_head(own));
        if let Some(current) = &current {
            layout.renamed += 1;
            layout.chexnet |= current.starts_with("classifier") && layout.prefix.ends_with("densenet121.");
        }
        let current = current.unwrap_or_else(|| own.to_owned());
        if layout.tensors.insert(current.clone(), array).is_some() {
            return Err(refuse(format!(
                "{current} is there under two names, one of them {name}"
            )));
        }
    }
    Ok(layout)
}

/// The name of the only linear layer outside the features, if the network has no `classifier`: `fc`, `head`,
/// MONAI's `class_layers.out`.
fn only_linear_layer(tensors: &BTreeMap<String, Array>, prefix: &str) -> Option<String> {
    let (features, classifier) = (format!("{prefix}features."), format!("{prefix}classifier."));
    if tensors.keys().any(|name| name.starts_with(&classifier)) {
        return None;
    }
    let mut layers = tensors.iter().filter_map(|(name, array)| {
        let layer = name.strip_suffix(".weight")?;
        let linear = array.shape.len() == 2 && tensors.contains_key(&format!("{layer}.bias"));
        (linear && !name.starts_with(&features)).then_some(layer)
    });
    match (layers.next(), layers.next()) {
        (Some(layer), None) => Some(layer.to_owned()),
        _ => None,
    }
}

/// `features.denseblock1.denselayer1.norm.1.weight` → `….norm1.weight`: module names lost their dots in torch
/// 0.4.
///
/// MONAI's `….denselayer1.layers.norm1.weight` → `….denselayer1.norm1.weight`.
fn renamed_layer(name: &str) -> Option<String> {
    if let Some((before, after)) = name.split_once(".layers.")
        && before.contains(".denselayer")
    {
        return Some(format!("{before}.{after}"));
    }
    let (layer, parameter) = name.rsplit_once('.')?;
    let (module, number) = layer.rsplit_once('.')?;
    let (parent, kind) = module.rsplit_once('.')?;
    let old =
        parent.contains(".denselayer") && matches!(kind, "norm" | "conv") && matches!(number, "1" | "2");
    old.then(|| format!("{module}{number}.{parameter}"))
}

/// `classifier.0.weight` → `classifier.weight`. Two linear layers in a row would clash, and are refused.
fn renamed_head(name: &str) -> Option<String> {
    let (number, parameter) = name.strip_prefix("classifier.")?.split_once('.')?;
    let plain = number.bytes().all(|byte| byte.is_ascii_digit()) && matches!(parameter, "weight" | "bias");
    plain.then(|| format!("classifier.{parameter}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> Result<Layout, Error> {
        let array = Array {
            shape: vec![1],
            data: vec![0.0],
        };
        to_torchvision(
            names
                .iter()
                .map(|name| ((*name).to_owned(), array.clone()))
                .collect(),
            "file.pth",
        )
    }

    #[test]
    fn todays_names_stay() {
        let names = [
            "classifier.weight",
            "features.conv0.weight",
            "features.denseblock1.denselayer1.norm1.weight",
        ];
        let layout = named(&names).unwrap();
        assert_eq!(layout.tensors.keys().collect::<Vec<_>>(), names);
        assert_eq!(
            (layout.prefix.as_str(), layout.renamed, layout.chexnet),
            ("", 0, false)
        );
    }

    #[test]
    fn older_names_and_wrappers_are_undone() {
        let layout = named(&[
            "module.densenet121.features.conv0.weight",
            "module.densenet121.features.denseblock12.denselayer3.norm.2.running_var",
            "module.densenet121.features.denseblock12.denselayer3.conv.1.weight",
            "module.densenet121.features.transition1.norm.weight",
            "module.densenet121.classifier.0.bias",
        ])
        .unwrap();
        let expected = [
            "classifier.bias",
            "features.conv0.weight",
            "features.denseblock12.denselayer3.conv1.weight",
            "features.denseblock12.denselayer3.norm2.running_var",
            "features.transition1.norm.weight",
        ];
        assert_eq!(layout.tensors.keys().collect::<Vec<_>>(), expected);
        assert_eq!(
            (layout.prefix.as_str(), layout.renamed, layout.chexnet),
            ("module.densenet121.", 3, true)
        );
    }

    #[test]
    fn monais_names_and_heads_of_other_names_are_torchvisions() {
        let matrix = |shape: &[usize]| Array {
            shape: shape.to_vec(),
            data: vec![0.0; shape.iter().product()],
        };
        // monai.networks.nets.DenseNet 1.5; `fc` and `head` as in scripts that replace the classifier.
        for (head, prefix) in [
            ("class_layers.out", ""),
            ("module.class_layers.out", "module."),
            ("fc", "backbone."),
            ("model.head", "model."),
        ] {
            let name = |own: &str| format!("{prefix}features.{own}.weight");
            let tensors = BTreeMap::from([
                (name("conv0"), matrix(&[2, 3, 7, 7])),
                (
                    name("denseblock1.denselayer1.layers.conv1"),
                    matrix(&[2, 2, 1, 1]),
                ),
                (format!("{head}.weight"), matrix(&[4, 2])),
                (format!("{head}.bias"), matrix(&[4])),
            ]);
            let layout = to_torchvision(tensors, "file.pth").unwrap();
            let expected = [
                "classifier.bias",
                "classifier.weight",
                "features.conv0.weight",
                "features.denseblock1.denselayer1.conv1.weight",
            ];
            assert_eq!(layout.tensors.keys().collect::<Vec<_>>(), expected, "{head}");
            assert_eq!((layout.renamed, layout.chexnet), (3, false));
        }
    }

    #[test]
    fn what_is_no_densenet_is_named() {
        for (names, said) in [
            (&["layer1.0.conv1.weight"][..], "layer1.0.conv1.weight"),
            (
                &["a.features.conv0.weight", "b.features.conv0.weight"],
                "several networks",
            ),
            (&["net.features.conv0.weight", "decoder.weight"], "decoder.weight"),
            (
                &[
                    "features.conv0.weight",
                    "classifier.0.weight",
                    "classifier.3.weight",
                ],
                "two names",
            ),
        ] {
            let error = named(names).err().unwrap().to_string();
            assert!(error.contains(said) && error.contains("file.pth"), "{error}");
        }
    }
}
