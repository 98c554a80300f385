//! Files that torch made (`golden/import/make.py`) have the numbers that were put into them.

use std::{fs, path::PathBuf};

use half::{bf16, f16};
use pleura_nn::{
    Architecture, Weights,
    weights::{
        Array, Normalisation,
        import::{self, CHEXNET_FINDINGS, Container, Imported, KnownHead, Options},
    },
};

use crate::{golden, tiny};

pub(crate) fn file(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/import")
        .join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn three() -> Options {
    Options {
        findings: Some(tiny(3).findings),
        ..Options::default()
    }
}

fn imported(name: &str, options: &Options) -> Imported {
    import::import(&file(name), name, &golden::architecture("tiny"), options).unwrap()
}

fn changed(mut weights: Weights, change: impl Fn(f32) -> f32) -> Weights {
    for value in weights.tensors.values_mut().flat_map(|array| &mut array.data) {
        *value = change(*value);
    }
    weights
}

#[test]
fn both_forms_of_torch_and_safetensors_are_read() {
    for (name, container, renamed, skipped) in [
        ("zip.pth", Container::TorchZip, 0, 18),
        // Names as before torch 0.4: each of seven layers has two norms of four tensors and two convolutions.
        ("legacy.pth", Container::TorchLegacy, 70, 0),
        ("plain.safetensors", Container::SafeTensors, 0, 18),
    ] {
        let imported = imported(name, &three());
        assert_eq!(imported.weights.digest(), tiny(3).digest(), "{name}");
        assert_eq!(
            (imported.container, imported.renamed, imported.skipped.len()),
            (container, renamed, skipped),
            "{name}"
        );
        assert_eq!(imported.weights.findings, tiny(3).findings);
        assert_eq!(imported.weights.normalisation, Normalisation::IMAGENET);
        assert_eq!(imported.weights.metadata["imported_from"], name);
        assert_eq!(imported.head, None);
    }
    assert_eq!(imported("plain.safetensors", &three()).prefix, "backbone.");
}

#[test]
fn other_precisions_are_converted() {
    for (name, expected) in [
        (
            "half.pth",
            changed(tiny(3), |value| f16::from_f32(value).to_f32()),
        ),
        (
            "bfloat16.pth",
            changed(tiny(3), |value| bf16::from_f32(value).to_f32()),
        ),
        ("double.pth", tiny(3)),
    ] {
        assert_eq!(
            imported(name, &three()).weights.digest(),
            expected.digest(),
            "{name}"
        );
    }
}

#[test]
fn a_checkpoint_of_chexnet_brings_its_findings() {
    let imported = imported("chexnet.pth.tar", &Options::default());
    assert_eq!(imported.weights.tensors, tiny(14).tensors);
    assert_eq!(imported.weights.findings, CHEXNET_FINDINGS);
    assert_eq!(
        (imported.head, imported.prefix.as_str()),
        (Some(KnownHead::CheXNet), "module.densenet121.")
    );
}

#[test]
fn a_checkpoint_of_training_gives_its_model_and_plain_tensors() {
    let imported = imported("training.pth", &three());
    assert_eq!(imported.weights.digest(), tiny(3).digest());
    assert!(
        imported
            .skipped
            .iter()
            .all(|name| name.ends_with("num_batches_tracked")),
        "{:?}",
        imported.skipped
    );
}

/// The tensors of `plain.safetensors` under other names, as a safetensors file.
fn renamed(rename: impl Fn(&str) -> Option<String>) -> Vec<u8> {
    use safetensors::{SafeTensors, serialize};
    let bytes = file("plain.safetensors");
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let views = tensors
        .iter()
        .filter_map(|(name, view)| Some((rename(name.strip_prefix("backbone.").unwrap())?, view)));
    serialize(views.collect::<Vec<_>>(), None).unwrap()
}

#[test]
fn heads_of_other_names_are_read_and_a_missing_head_is_named() {
    let read = |bytes: &[u8]| import::import(bytes, "w", &golden::architecture("tiny"), &three());
    for head in ["fc", "class_layers.out"] {
        let bytes = renamed(|name| {
            let name = name.replace("classifier", head);
            // MONAI's layers of a dense block.
            Some(match (head, name.split_once(".denselayer")) {
                ("fc", _) | (_, None) => name,
                (_, Some((block, layer))) => {
                    let (number, rest) = layer.split_once('.').unwrap();
                    format!("{block}.denselayer{number}.layers.{rest}")
                }
            })
        });
        assert_eq!(read(&bytes).unwrap().weights.digest(), tiny(3).digest(), "{head}");
    }
    for (bytes, said) in [
        (
            renamed(|name| (!name.starts_with("classifier")).then(|| name.to_owned())),
            "all its tensors are features",
        ),
        (
            renamed(|name| (name != "classifier.bias").then(|| name.replace("classifier", "fc"))),
            "beside features it has fc.weight",
        ),
        (
            renamed(|name| (name != "classifier.bias").then(|| name.to_owned())),
            "classifier.bias",
        ),
    ] {
        let error = read(&bytes).unwrap_err().to_string();
        assert!(error.contains(said) && !error.contains("0 outputs"), "{error}");
    }
}

/// First bytes are those of the specifications of git-lfs, gzip, HDF5 and ONNX (`ModelProto`); the archive has
/// the entries that `torch.jit.save` writes.
#[test]
fn files_that_hold_no_weights_are_named_with_a_remedy() {
    let torchscript = {
        use std::io::Write as _;
        let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        for entry in ["net/data.pkl", "net/code/__torch__.py"] {
            archive.start_file(entry, options).unwrap();
            archive.write_all(b"class Net(Module):\n").unwrap();
        }
        archive.finish().unwrap().into_inner()
    };
    let plain = file("plain.safetensors");
    for (bytes, what, remedy) in [
        (&b""[..], "an empty file", "download or copy it again"),
        (b"\n<!DOCTYPE html><html><head>", "HTML", "download it again"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 31000000\n",
            "a Git LFS pointer",
            "git lfs pull",
        ),
        (b"\x1f\x8b\x08\0\0\0\0\0", "gzip", "decompress it first"),
        (b"\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0", "HDF5", "torch.save"),
        (
            b"\x08\x08\x12\x07pytorch\x1a\x052.9.1",
            "an ONNX graph",
            "torch.save",
        ),
        (&torchscript, "a TorchScript archive", "torch.jit.load"),
        (&plain[..plain.len() / 2], "cut off", "download or copy it again"),
        (&file("zip.pth")[..4000], "cut off", "download or copy it again"),
    ] {
        let error = import::read_bytes(bytes, "w.pth").unwrap_err().to_string();
        assert!(
            error.starts_with("w.pth: ") && error.contains(what) && error.contains(remedy),
            "{error}"
        );
        if !bytes.starts_with(b"PK") && bytes.get(8) != Some(&b'{') {
            let error = Weights::from_bytes(bytes, "w").unwrap_err().to_string();
            assert!(
                error.contains("not a safetensors file") && error.contains(what),
                "{error}"
            );
        }
    }
    let ours = tiny(3).to_bytes().unwrap();
    for length in [100, ours.len() - 9] {
        let error = Weights::from_bytes(&ours[..length], "w").unwrap_err().to_string();
        assert!(error.contains("cut off"), "{error}");
    }
}

#[test]
fn outputs_without_names_are_refused() {
    let architecture = golden::architecture("tiny");
    for (options, said) in [
        (Options::default(), "3 outputs and does not say"),
        (
            Options {
                findings: Some(vec!["a".to_owned()]),
                ..Options::default()
            },
            "1 findings were given",
        ),
        (
            Options {
                findings: Some(["a", "a", "b"].map(str::to_owned).to_vec()),
                ..Options::default()
            },
            "twice",
        ),
    ] {
        let error = import::import(&file("zip.pth"), "zip.pth", &architecture, &options)
            .unwrap_err()
            .to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn another_architecture_is_named() {
    let bytes = {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("small.safetensors");
        golden::weights(&Architecture::by_name("small").unwrap(), 2)
            .write_torch(&path)
            .unwrap();
        fs::read(path).unwrap()
    };
    let options = Options {
        findings: Some(vec!["a".to_owned(), "b".to_owned()]),
        ..Options::default()
    };
    let densenet = Architecture::by_name("densenet121").unwrap();
    let error = import::import(&bytes, "x", &densenet, &options)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("densenet121") && error.contains("tensors of small"),
        "{error}"
    );
}

#[test]
fn what_export_writes_import_reads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("torch.safetensors");
    let weights = tiny(3);
    weights.write_torch(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    let state = import::read_bytes(&bytes, "torch.safetensors").unwrap();
    assert_eq!(state.tensors, weights.tensors);
    // A counter for each of the norms, as torchvision has them.
    assert_eq!(state.skipped.len(), 18);
    assert!(
        state
            .skipped
            .contains(&"features.norm0.num_batches_tracked".to_owned())
    );
    let error = Weights::read(&path).unwrap_err().to_string();
    assert!(error.contains("pleura import"), "{error}");
}

#[test]
fn safetensors_are_told_from_torchs_older_form_whatever_their_length() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("torch.safetensors");
    tiny(3).write_torch(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    let (length, rest) = bytes.split_at(8);
    let length = u64::from_le_bytes(length.try_into().unwrap()) as usize;
    // Spaces after the header, until its length begins with the byte of a pickle.
    let longer = (length..length + 256)
        .find(|length| length % 256 == 0x80)
        .unwrap();
    let mut padded = (longer as u64).to_le_bytes().to_vec();
    padded.extend(&rest[..length]);
    padded.resize(8 + longer, b' ');
    padded.extend(&rest[length..]);
    let state = import::read_bytes(&padded, "padded").unwrap();
    assert_eq!(state.tensors, tiny(3).tensors);
}

#[test]
fn pleuras_own_files_are_not_imported() {
    let bytes = tiny(3).to_bytes().unwrap();
    let error =
        import::import(&bytes, "own", &golden::architecture("tiny"), &Options::default()).unwrap_err();
    assert!(error.to_string().contains("use it without importing"), "{error}");
}

#[test]
fn an_imported_tensor_has_torchs_shape() {
    let state = import::read_bytes(&file("zip.pth"), "zip.pth").unwrap();
    let Array { shape, data } = &state.tensors["features.conv0.weight"];
    assert_eq!((shape.as_slice(), data.len()), (&[6, 3, 7, 7][..], 882));
}
