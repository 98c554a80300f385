//! Malicious files: each is refused with a reason, in little time and memory.

use std::io::{Cursor, Write as _};

use pleura_nn::weights::import::read_bytes;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::import::file;

/// An archive as torch makes it, around this pickle and one storage of eight bytes.
fn archive(pickle: &[u8]) -> Vec<u8> {
    archive_of(
        &[("x/data.pkl", pickle), ("x/data/0", &[0; 8])],
        CompressionMethod::Stored,
    )
}

fn archive_of(entries: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        writer
            .start_file(*name, SimpleFileOptions::default().compression_method(method))
            .unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// The error for a state dict whose only tensor `t` has these arguments after its storage of two float32.
fn tensor(arguments: &[u8]) -> String {
    let head = b"\x80\x02}U\x01tctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x02tQ";
    refusal(&archive(&[&head[..], arguments, b"tRs."].concat()))
}

fn refusal(bytes: &[u8]) -> String {
    match read_bytes(bytes, "hostile.pth") {
        Err(error) => error.to_string(),
        Ok(state) => format!("read: {:?}", state.tensors),
    }
}

#[track_caller]
fn assert_refused(bytes: &[u8], why: &str) {
    let said = refusal(bytes);
    assert!(
        said.contains(why) && said.contains("hostile.pth"),
        "expected {why:?}, got: {said}"
    );
}

#[test]
fn nothing_is_called_but_what_tensors_need() {
    assert_refused(&archive(b"\x80\x02cos\nsystem\nU\x02ls\x85R."), "os.system");
    assert_refused(
        &archive(b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R."),
        "builtins.eval",
    );
    assert_refused(&archive(b"\x80\x02cposix\nsystem\n."), "posix.system");
    assert_refused(
        &archive(b"\x80\x02ctorch.storage\n_load_from_bytes\n."),
        "_load_from_bytes",
    );
    // INST, OBJ, NEWOBJ, EXT1: other ways to make objects.
    for operation in [b'i', b'o', 0x81, 0x82] {
        assert_refused(
            &archive(&[0x80, 2, b'(', operation, b'.']),
            "no file of tensors needs",
        );
    }
    // A whole module, as torch.save(model) writes it.
    let said = refusal(&file("module.pth"));
    assert!(
        said.contains("torch.nn.modules.batchnorm.BatchNorm2d") && said.contains("state_dict()"),
        "{said}"
    );
}

#[test]
fn views_must_lie_in_their_storage() {
    // offset, shape, strides, requires_grad, hooks
    assert!(tensor(b"K\x00K\x02\x85K\x01\x85\x89N").starts_with("read: {\"t\": Array { shape: [2]"));
    for (arguments, why) in [
        (&b"K\x01K\x02\x85K\x01\x85\x89N"[..], "out of range"),
        (b"K\x00K\xff\x85K\x01\x85\x89N", "out of range"),
        (b"K\x00K\xff\x85K\x00\x85\x89N", "overlap"),
        (b"K\x00K\x02K\x02\x86K\x00K\x01\x86\x89N", "overlap"),
        (b"J\xff\xff\xff\xffK\x02\x85K\x01\x85\x89N", "a size of -1"),
        (b"K\x00J\x00\x00\x00\x80\x85K\x01\x85\x89N", "a size of -2147483648"),
        (b"K\x00K\x02\x85K\x01K\x01\x86\x89N", "strides"),
        (b"K\x00(K\x01K\x01K\x01K\x01K\x01K\x01K\x01K\x01K\x01t(K\x01K\x01K\x01K\x01K\x01K\x01K\x01K\x01K\x01t\x89N", "9 dimensions"),
        (b"K\x00\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85\x89N", "larger than memory"),
        (b"K\x00NN\x89N", "sizes that are not a tuple"),
    ] {
        let said = tensor(arguments);
        assert!(said.contains(why), "expected {why:?}, got: {said}");
    }
    let told_too_much = b"\x80\x02}U\x01tctorch._utils\n_rebuild_tensor\n((U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x32tQK\x00K\x32\x85K\x01\x85tRs.";
    assert_refused(&archive(told_too_much), "cut off");
    let absent = b"\x80\x02}U\x01tctorch._utils\n_rebuild_tensor\n((U\x07storagectorch\nFloatStorage\nU\x019U\x03cpuK\x02tQK\x00K\x02\x85K\x01\x85tRs.";
    assert_refused(&archive(absent), "\"9\" is not in the file");
}

#[test]
fn one_storage_cannot_be_multiplied() {
    // One tensor under ten thousand names.
    let mut pickle = b"\x80\x02ctorch._utils\n_rebuild_tensor\n((U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuJ\x00\x00\x04\x00tQK\x00J\x00\x00\x04\x00\x85K\x01\x85tRq\x000}(".to_vec();
    for index in 0..10_000 {
        let name = format!("{index:05}");
        pickle.extend([&[b'U', 5][..], name.as_bytes(), b"h\x00"].concat());
    }
    pickle.extend(b"u.");
    let bytes = archive_of(
        &[("x/data.pkl", &pickle), ("x/data/0", &vec![0; 1 << 20])],
        CompressionMethod::Stored,
    );
    assert_refused(&bytes, "share their storage");
}

#[test]
fn structure_cannot_explode() {
    // A list that holds itself; ten levels of ten times the same; a million levels; a million marks.
    assert_refused(&archive(b"\x80\x02]q\x00h\x00a."), "no dictionary of tensors");
    let mut laughs = b"\x80\x02]q\x00".to_vec();
    for level in 1..=200_u8 {
        laughs.extend([&b"]("[..], &[b'h', level - 1].repeat(10), &[b'e', b'q', level]].concat());
    }
    laughs.push(b'.');
    assert_refused(&archive(&laughs), "no dictionary of tensors");
    let deep = [
        &b"\x80\x02"[..],
        &b"]".repeat(500_000),
        &b"a".repeat(499_999),
        b".",
    ]
    .concat();
    assert_refused(&archive(&deep), "no dictionary of tensors");
    assert_refused(&archive(&b"(".repeat(2_000_000)), "operations");
    assert_refused(
        &archive(b"\x80\x02Nr\xff\xff\xff\xff."),
        "no dictionary of tensors",
    );
    assert_refused(
        &archive(b"\x80\x02}q\x00U\x0astate_dicth\x00s."),
        "holds no tensors",
    );
}

#[test]
fn lengths_beyond_the_file_are_refused_before_memory_is_taken() {
    for pickle in [
        &b"X\xff\xff\xff\xff"[..],
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x8b\xff\xff\xff\x7f",
        b"U\x05abc",
        b"\x95\x00",
        b"",
    ] {
        assert_refused(&archive(pickle), "bytes are wanted");
    }
    for (pickle, why) in [
        (&b"."[..], "the stack is empty"),
        (b"(.", "the stack is empty"),
        (b"N(0.", "the stack is empty"),
        (b"t.", "a mark is missing"),
        (b"h\x07.", "memo 7"),
        (b"NNR.", "no function"),
        (b"N}b.", "state for something without state"),
        (b"}(Nu.", "without a value"),
        (b"NNa.", "no list"),
        (b"NNNs.", "no dictionary"),
        (b"NQ.", "no storage"),
        (b"U\x06modulecollections\nOrderedDict\n\x86Q.", "whole model"),
    ] {
        assert_refused(&archive(pickle), why);
    }
}

#[test]
fn archives_that_are_not_torchs_are_refused() {
    let zeros = vec![0; 1 << 20];
    assert_refused(
        &archive_of(&[("x/data.pkl", &zeros)], CompressionMethod::Deflated),
        "compressed",
    );
    assert_refused(
        &archive_of(&[("x/readme", b"")], CompressionMethod::Stored),
        "data.pkl",
    );
    assert_refused(
        &archive_of(
            &[("x/data.pkl", b"N."), ("y/data.pkl", b"N.")],
            CompressionMethod::Stored,
        ),
        "data.pkl",
    );
    assert_refused(
        &archive_of(
            &[("x/data.pkl", b"N."), ("x/byteorder", b"big")],
            CompressionMethod::Stored,
        ),
        "big-endian",
    );
    assert_refused(b"PK\x03\x04", "ZIP");
    assert_refused(b"\x80\x02}.", "not one of torch.save");
    assert_refused(b"\x1f\x8b\x08\x00", "gzip");
    assert_refused(b"\x89HDF\r\n\x1a\n", "Keras");
    assert_refused(b"", "neither");
    assert_refused(b"\xff\xff\xff\xff\xff\xff\xff\x7f{\"a\":", "safetensors");
}

#[test]
fn cut_off_files_are_refused() {
    for name in ["zip.pth", "legacy.pth", "chexnet.pth.tar", "plain.safetensors"] {
        let whole = file(name);
        assert!(read_bytes(&whole, name).is_ok());
        for length in (0..whole.len()).step_by(97) {
            assert!(
                read_bytes(&whole[..length], name).is_err(),
                "{name} cut off at {length}"
            );
        }
    }
}

#[test]
fn damaged_files_never_panic() {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    for name in [
        "zip.pth",
        "legacy.pth",
        "chexnet.pth.tar",
        "training.pth",
        "plain.safetensors",
        "module.pth",
    ] {
        let whole = file(name);
        for _ in 0..1500 {
            let mut bytes = whole.clone();
            for _ in 0..random.random_range(1..=8) {
                // Half of the damage goes to the densest part.
                let end = if random.random() {
                    bytes.len()
                } else {
                    bytes.len().min(4096)
                };
                let place = random.random_range(0..end);
                match random.random_range(0..3) {
                    0 => bytes[place] ^= 1 << random.random_range(0..8),
                    1 => bytes[place] = random.random(),
                    _ => drop(bytes.drain(place..(place + random.random_range(1..9)).min(end))),
                }
            }
            let _ = read_bytes(&bytes, name);
        }
    }
    // Operations in any order, without an archive's checks before them.
    let operations =
        b"\x80\x95.(012N\x88\x89JKM\x8a\x8bGUCTBX\x8c\x8d\x8e)\x85\x86\x87t]ae}suqr\x94hjc\x93RbQ";
    for _ in 0..3000 {
        let length = random.random_range(1..200);
        let pickle: Vec<u8> = (0..length)
            .map(|_| {
                if random.random_ratio(1, 5) {
                    random.random_range(0..4)
                } else {
                    operations[random.random_range(0..operations.len())]
                }
            })
            .collect();
        let _ = read_bytes(&archive(&pickle), "random");
    }
}
