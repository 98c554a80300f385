//! DICOM files that contradict themselves.

use pleura_film::{DecodeOptions, Error, Film, decode};

const EXPLICIT: &str = "1.2.840.10008.1.2.1\0";
const IMPLICIT: &str = "1.2.840.10008.1.2\0";

fn explicit(group: u16, number: u16, vr: [u8; 2], value: &[u8]) -> Vec<u8> {
    let mut bytes = [group.to_le_bytes(), number.to_le_bytes()].concat();
    bytes.extend(vr);
    if matches!(&vr, b"OB" | b"OW" | b"SQ" | b"UN") {
        bytes.extend([0, 0]);
        bytes.extend((value.len() as u32).to_le_bytes());
    } else {
        bytes.extend((value.len() as u16).to_le_bytes());
    }
    bytes.extend(value);
    bytes
}

fn implicit(group: u16, number: u16, _: [u8; 2], value: &[u8]) -> Vec<u8> {
    let mut bytes = [group.to_le_bytes(), number.to_le_bytes()].concat();
    bytes.extend((value.len() as u32).to_le_bytes());
    bytes.extend(value);
    bytes
}

type Writer = fn(u16, u16, [u8; 2], &[u8]) -> Vec<u8>;

/// A film of 64 × 64 words of 12 bits, the values 0, 1, 2, … 4095, and further elements in group 28.
fn ramp(write: Writer, further: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let word = |number, value: u16| write(0x28, number, *b"US", &value.to_le_bytes());
    let pixels: Vec<u8> = (0..4096_u16).flat_map(u16::to_le_bytes).collect();
    let mut elements = vec![
        write(8, 0x16, *b"UI", b"1.2.840.10008.5.1.4.1.1.1.1\0"),
        write(8, 0x60, *b"CS", b"DX"),
        word(2, 1),
        write(0x28, 4, *b"CS", b"MONOCHROME2 "),
        word(0x10, 64),
        word(0x11, 64),
        word(0x100, 16),
        word(0x101, 12),
        word(0x102, 11),
        word(0x103, 0),
    ];
    elements.extend(further.iter().cloned());
    elements.push(write(0x7fe0, 0x10, *b"OW", &pixels));
    elements
}

fn file(syntax: &str, elements: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![0; 128];
    bytes.extend(b"DICM");
    bytes.extend(explicit(2, 0x10, *b"UI", syntax.as_bytes()));
    bytes.extend(elements.concat());
    bytes
}

fn film(bytes: &[u8]) -> Film {
    decode(bytes, "film", &DecodeOptions::default()).unwrap()
}

fn account(film: &Film) -> String {
    let steps = film.source.steps.iter();
    steps.map(|step| format!("{step}\n")).collect()
}

/// An element of text in group 28.
fn text(number: u16, vr: [u8; 2], value: &str) -> Vec<u8> {
    let mut bytes = value.as_bytes().to_vec();
    if bytes.len() % 2 == 1 {
        bytes.push(b' ');
    }
    explicit(0x28, number, vr, &bytes)
}

/// A VOI LUT of 4,096 entries from 0 with this many declared bits.
fn voi_lut(declared: u16, entry: impl Fn(u16) -> u16, bytes: bool) -> Vec<u8> {
    let descriptor: Vec<u8> = [4096, 0, declared]
        .into_iter()
        .flat_map(u16::to_le_bytes)
        .collect();
    let data: Vec<u8> = if bytes {
        (0..4096).map(|input| entry(input) as u8).collect()
    } else {
        (0..4096).map(entry).flat_map(u16::to_le_bytes).collect()
    };
    let inside = [
        explicit(0x28, 0x3002, *b"US", &descriptor),
        explicit(0x28, 0x3006, *b"OW", &data),
    ]
    .concat();
    let item = [
        &[0xfe, 0xff, 0, 0xe0][..],
        &(inside.len() as u32).to_le_bytes(),
        &inside,
    ]
    .concat();
    explicit(0x28, 0x3010, *b"SQ", &item)
}

fn of_ramp(further: &[Vec<u8>]) -> Film {
    film(&file(EXPLICIT, &ramp(explicit, further)))
}

/// The largest difference of the levels from a function of the stored value.
fn difference(film: &Film, right: impl Fn(f32) -> f32) -> f32 {
    let levels = film.grey.iter().enumerate();
    levels
        .map(|(value, grey)| (grey - right(value as f32)).abs())
        .fold(0.0, f32::max)
}

// Enet4/dicom-rs#825 (Agfa CR), cornerstone#79. pydicom.apply_voi_lut gives entries of 0 to 4095.
#[test]
fn voi_lut_is_scaled_by_the_bits_that_its_entries_need() {
    for (declared, top) in [
        (16, 4095),
        (12, 4095),
        (16, 1023),
        (14, 1023),
        (8, 4095),
        (10, 4095),
    ] {
        let entry = |input: u16| (u32::from(input) * top / 4095) as u16;
        let film = of_ramp(&[voi_lut(declared, entry, false)]);
        let right = |value: f32| (value as u32 * top / 4095) as f32 / top as f32;
        assert!(
            difference(&film, right) < 1e-6,
            "{declared} bits declared, entries up to {top}"
        );
        let told = account(&film).contains("which its entries need");
        assert_eq!(told, (1 << declared) - 1 != top, "{}", account(&film));
    }
    // 8-bit entries, two in a word (pydicom: the bytes of OW data), and one in a word.
    for bytes in [true, false] {
        let film = of_ramp(&[voi_lut(8, |input| input / 16, bytes)]);
        assert!(difference(&film, |value| (value / 16.0).floor() / 255.0) < 1e-6);
    }
}

#[test]
fn unusable_voi_lut_is_ignored_and_the_window_is_used() {
    let window = [text(0x1050, *b"DS", "2048"), text(0x1051, *b"DS", "4096")];
    let empty_item = explicit(0x28, 0x3010, *b"SQ", &[0xfe, 0xff, 0, 0xe0, 0, 0, 0, 0]);
    let black = voi_lut(12, |_| 0, false);
    for table in [empty_item, black] {
        let film = of_ramp(&[window[0].clone(), window[1].clone(), table]);
        assert!(account(&film).contains("ignored VOI LUT 0"), "{}", account(&film));
        assert!(difference(&film, |value| (value - 2047.5) / 4095.0 + 0.5) < 1e-6);
    }
}

// fo-dicom#752, #1296, #1915, dcm4che#1513.
#[test]
fn unusable_windows_are_ignored_with_the_reason() {
    let spread = |value: f32| value / 4095.0;
    for (center, width, because) in [
        ("127,5", "256", "decimal numbers"),
        ("NaN", "100", "decimal numbers"),
        ("***", "***", "decimal numbers"),
        ("2048", "0", "at least 1"),
        ("2048", "-5", "at least 1"),
        ("60000", "100", "no contrast"),
        ("-9000", "200", "no contrast"),
        ("4095000", "1", "no contrast"),
    ] {
        let film = of_ramp(&[text(0x1050, *b"DS", center), text(0x1051, *b"DS", width)]);
        let account = account(&film);
        assert!(
            account.contains("ignored window 0") && account.contains(because),
            "{account}"
        );
        assert!(difference(&film, spread) < 1e-6, "{center}/{width}");
        assert_eq!(film.source.contrast.fault(), None);
    }
    // Empty values are no window.
    let film = of_ramp(&[text(0x1050, *b"DS", ""), text(0x1051, *b"DS", "")]);
    assert!(!account(&film).contains("ignored") && difference(&film, spread) < 1e-6);
    // The second of two windows.
    let film = of_ramp(&[
        text(0x1050, *b"DS", "60000\\2048"),
        text(0x1051, *b"DS", "100\\4096"),
    ]);
    assert!(account(&film).contains("applied window 1"), "{}", account(&film));
    assert!(difference(&film, |value| (value - 2047.5) / 4095.0 + 0.5) < 1e-6);
}

#[test]
fn function_of_windows_is_read_in_lower_case_and_ignored_if_unknown() {
    let with = |function: &str| {
        of_ramp(&[
            text(0x1050, *b"DS", "2048"),
            text(0x1051, *b"DS", "4096"),
            text(0x1056, *b"CS", function),
        ])
    };
    // pydicom.apply_windowing: (value - c) / w + 0.5 for LINEAR_EXACT.
    assert!(difference(&with("linear_exact"), |value| (value - 2048.0) / 4096.0 + 0.5) < 1e-6);
    let film = with("CUBIC");
    assert!(
        account(&film).contains("\"CUBIC\" is unknown"),
        "{}",
        account(&film)
    );
    assert!(difference(&film, |value| (value - 2047.5) / 4095.0 + 0.5) < 1e-6);
}

// pydicom#819, #820, #823, #1088, fo-dicom#47, dicom-rs#521. pydicom reads all of them with equal pixels.
#[test]
fn data_set_is_read_as_it_is_written() {
    let right = film(&file(EXPLICIT, &ramp(explicit, &[]))).grey;
    let declared_explicit = film(&file(EXPLICIT, &ramp(implicit, &[])));
    assert!(account(&declared_explicit).contains("as Implicit VR Little Endian; the file declares Explicit"));
    let declared_implicit = film(&file(IMPLICIT, &ramp(explicit, &[])));
    assert!(account(&declared_implicit).contains("as Explicit VR Little Endian; the file declares Implicit"));
    let private = implicit(0x29, 0x1010, *b"??", b"some private bytes");
    let private = film(&file(EXPLICIT, &ramp(explicit, &[private])));
    assert!(account(&private).contains("ignored 1 elements without a value representation"));
    // File meta information in implicit VR.
    let mut bytes = [vec![0; 128], b"DICM".to_vec()].concat();
    bytes.extend(implicit(2, 0x10, *b"UI", EXPLICIT.as_bytes()));
    bytes.extend(ramp(explicit, &[]).concat());
    let meta = film(&bytes);
    // No file meta information at all behind the preamble.
    let bare = film(&[&[0; 128][..], b"DICM", &ramp(explicit, &[]).concat()].concat());
    assert!(account(&bare).contains("the file declares no transfer syntax"));
    for film in [declared_explicit, declared_implicit, private, meta, bare] {
        assert!(film.grey == right);
    }
}

// fo-dicom#1217, pydicom#1247, #1597.
#[test]
fn objects_without_pixels_are_named() {
    for (class, what) in [
        ("1.2.840.10008.5.1.4.1.1.88.33\0", "a structured report"),
        ("1.2.840.10008.5.1.4.1.1.88.59\0", "a key object selection"),
        ("1.2.840.10008.5.1.4.1.1.11.1", "a presentation state"),
        ("1.2.840.10008.5.1.4.1.1.104.1\0", "an encapsulated PDF document"),
    ] {
        let object = [
            explicit(8, 0x16, *b"UI", class.as_bytes()),
            explicit(8, 0x60, *b"CS", b"OT"),
            explicit(0x10, 0x20, *b"LO", b"P1"),
        ];
        let error = decode(&file(EXPLICIT, &object), "film", &DecodeOptions::default()).unwrap_err();
        assert!(
            matches!(error, Error::NoPixels { .. }) && error.to_string().contains(what),
            "{error}"
        );
    }
    // A DICOMDIR has its class in the file meta information alone.
    let mut bytes = [vec![0; 128], b"DICM".to_vec()].concat();
    bytes.extend(explicit(2, 2, *b"UI", b"1.2.840.10008.1.3.10"));
    bytes.extend(explicit(2, 0x10, *b"UI", EXPLICIT.as_bytes()));
    bytes.extend(explicit(4, 0x1130, *b"CS", b"FILESET "));
    let error = decode(&bytes, "film", &DecodeOptions::default()).unwrap_err();
    assert!(error.to_string().contains("a DICOMDIR"), "{error}");
    // A film that was cut off is still cut off.
    let whole = file(EXPLICIT, &ramp(explicit, &[]));
    let error = decode(&whole[..400], "film", &DecodeOptions::default()).unwrap_err();
    assert!(matches!(error, Error::Truncated { .. }), "{error}");
}
