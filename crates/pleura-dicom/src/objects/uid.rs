//! UIDs that follow from what they identify (PS3.5 B.2).

use pleura_core::sha256;

/// The root of UIDs made from a UUID.
const UUID_ROOT: &str = "2.25";
/// The longest root: 39 digits of 128 bits follow it.
pub(super) const LONGEST_ROOT: usize = 24;

/// A UID of 128 bits of the SHA-256 of the parts, with version 8 (custom) of UUIDs (RFC 9562): at most 44
/// characters, or 64 with a root of one's own.
pub(super) fn uid(root: Option<&str>, parts: &[&str]) -> String {
    let digest = sha256::digest(parts.join("\0"));
    let mut bits = [0; 16];
    bits.copy_from_slice(&digest[..16]);
    bits[6] = (bits[6] & 0x0f) | 0x80;
    bits[8] = (bits[8] & 0x3f) | 0x80;
    format!("{}.{}", root.unwrap_or(UUID_ROOT), u128::from_be_bytes(bits))
}

/// True for digits and dots, at most 64, without empty components or leading zeros (PS3.5 9.1).
pub(super) fn is_uid(text: &str) -> bool {
    let component = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && (part == "0" || !part.starts_with('0'))
    };
    text.len() <= 64 && text.split('.').all(component)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uids_follow_from_their_parts() {
        // Python: hashlib.sha256(b'a\0b').digest()[:16] with the bits of `gen.py`'s function of the UIDs.
        assert_eq!(uid(None, &["a", "b"]), GOLDEN);
        assert_ne!(uid(None, &["a", "b"]), uid(None, &["ab"]));
        let root = "1.2.826.0.1.3680043.9999";
        assert_eq!(root.len(), LONGEST_ROOT);
        assert!(is_uid(&uid(Some(root), &["a"])));
    }

    const GOLDEN: &str = "2.25.119227826172246188535204560224331805039";

    #[test]
    fn damaged_uids_are_known() {
        assert!(is_uid("1.2.840.10008.1.2.0"));
        for bad in ["", "1..2", "1.02", "1.2.", "1.a", &"1.".repeat(40)] {
            assert!(!is_uid(bad), "{bad}");
        }
    }
}
