//! Ed25519 keys and signatures, in standard file formats.
//!
//! A private key is PKCS #8, a public key SubjectPublicKeyInfo (RFC 8410), both as PEM, so that a security
//! officer can make keys and check signatures without this program:
//!
//! ```text
//! openssl genpkey -algorithm ed25519 -out private.pem
//! openssl pkey -in private.pem -pubout -out public.pem
//! ```

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pleura_core::sha256;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use crate::Error;

/// Prefix of the 32 bytes of a private key (RFC 8410, section 7).
const PRIVATE: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
/// Prefix of the 32 bytes of a public key (RFC 8410, section 4).
const PUBLIC: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// A private key, for signing packages.
pub struct PrivateKey(Ed25519KeyPair);

/// A public key, for checking signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

/// A signature as stored in a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// `ed25519`.
    pub algorithm: String,
    /// The signed entry; it lists the digests of all others.
    pub signs: String,
    /// The signer's public key, base64 of 32 bytes.
    pub public_key: String,
    /// Base64 of 64 bytes.
    pub signature: String,
}

/// Files of a new key pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// `NAME.private.pem`, readable by its owner only.
    pub private: PathBuf,
    /// `NAME.public.pem`.
    pub public: PathBuf,
    /// The public key.
    pub key: PublicKey,
}

impl Pair {
    /// Generates a key from the system's random numbers and writes both files; neither may exist.
    ///
    /// # Errors
    /// [`Error::Key`] if a file exists, [`Error::File`].
    pub fn create(name: &Path) -> Result<Self, Error> {
        let with = |ending: &str| {
            let mut file = name.as_os_str().to_owned();
            file.push(ending);
            PathBuf::from(file)
        };
        let (private, public) = (with(".private.pem"), with(".public.pem"));
        for path in [&private, &public] {
            if path.exists() {
                return Err(Error::Key {
                    path: path.clone(),
                    problem: "exists; a key is never overwritten: choose another name".to_owned(),
                });
            }
        }
        let mut seed = [0; 32];
        let unusable = |what: &str| Error::Key {
            path: private.clone(),
            problem: format!("cannot make a key: {what}"),
        };
        SystemRandom::new()
            .fill(&mut seed)
            .map_err(|_| unusable("the system has no random numbers"))?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed)
            .map_err(|_| unusable("the random numbers were refused"))?;
        let key = PrivateKey(pair).public();
        new_file(
            &private,
            0o600,
            &pem("PRIVATE KEY", &[&PRIVATE[..], &seed].concat()),
        )?;
        new_file(
            &public,
            0o644,
            &pem("PUBLIC KEY", &[&PUBLIC[..], &key.0].concat()),
        )?;
        Ok(Self { private, public, key })
    }
}

impl PrivateKey {
    /// Reads PKCS #8 in PEM.
    ///
    /// # Errors
    /// [`Error::Key`] names the fault, and warns of a file that others may read; [`Error::File`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let wrong = |problem: &str| Error::Key {
            path: path.to_owned(),
            problem: problem.to_owned(),
        };
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(path)
                .map_err(Error::io(path, "read the private key"))?
                .permissions()
                .mode();
            if mode & 0o077 != 0 {
                return Err(wrong(&format!(
                    "others may read or write this private key (mode {:03o}); keep it to yourself: chmod 600",
                    mode & 0o777
                )));
            }
        }
        let text = std::fs::read_to_string(path).map_err(Error::io(path, "read the private key"))?;
        let bytes = unpem("PRIVATE KEY", &text)
            .ok_or_else(|| wrong("is not a private key in PEM (-----BEGIN PRIVATE KEY-----)"))?;
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(&bytes)
            .map(Self)
            .map_err(|_| wrong("is not an ed25519 key in PKCS #8; make one with `pleura package key`"))
    }

    /// The public key of this private key.
    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.0.public_key().as_ref());
        PublicKey(bytes)
    }

    /// Signs an entry.
    pub(crate) fn sign(&self, entry: &str, bytes: &[u8]) -> Signature {
        Signature {
            algorithm: "ed25519".to_owned(),
            signs: entry.to_owned(),
            public_key: STANDARD.encode(self.public().0),
            signature: STANDARD.encode(self.0.sign(bytes).as_ref()),
        }
    }
}

impl PublicKey {
    /// Reads SubjectPublicKeyInfo in PEM.
    ///
    /// # Errors
    /// [`Error::Key`] names the fault; [`Error::File`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(Error::io(path, "read the public key"))?;
        let wrong = |problem: &str| Error::Key {
            path: path.to_owned(),
            problem: problem.to_owned(),
        };
        if unpem("PRIVATE KEY", &text).is_some() {
            return Err(wrong("is a private key; the public one is wanted here"));
        }
        let bytes = unpem("PUBLIC KEY", &text)
            .ok_or_else(|| wrong("is not a public key in PEM (-----BEGIN PUBLIC KEY-----)"))?;
        bytes
            .strip_prefix(&PUBLIC)
            .and_then(|key| key.try_into().ok())
            .map(Self)
            .ok_or_else(|| wrong("is not an ed25519 key"))
    }

    /// Sixteen hexadecimal digits that identify a key: the beginning of the SHA-256 of its 32 bytes.
    pub fn fingerprint(&self) -> String {
        sha256::hex(self.0)[..16].to_owned()
    }
}

impl Signature {
    /// The key that signed these bytes.
    ///
    /// # Errors
    /// The reason why the signature is invalid.
    pub(crate) fn check(&self, bytes: &[u8]) -> Result<PublicKey, &'static str> {
        if self.algorithm != "ed25519" {
            return Err("is of another kind than ed25519");
        }
        let decoded = |text: &str| STANDARD.decode(text).map_err(|_| "is not base64");
        let key: [u8; 32] = decoded(&self.public_key)?
            .try_into()
            .map_err(|_| "has a public key that is not 32 bytes long")?;
        UnparsedPublicKey::new(&ED25519, key)
            .verify(bytes, &decoded(&self.signature)?)
            .map_err(|_| "does not fit what it signs")?;
        Ok(PublicKey(key))
    }
}

fn new_file(path: &Path, mode: u32, text: &str) -> Result<(), Error> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(path).map_err(Error::io(path, "write the key"))?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(Error::io(path, "write the key"))
}

fn pem(label: &str, bytes: &[u8]) -> String {
    // The longest key here has 48 bytes, that is 64 characters: one line.
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        STANDARD.encode(bytes)
    )
}

fn unpem(label: &str, text: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let body: String = body.split_whitespace().collect();
    STANDARD.decode(body).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_rfc_8032() {
        // RFC 8032, section 7.1, test 3: an ed25519 signature depends on key and text only.
        let folder = tempfile::tempdir().unwrap();
        let seed = "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7";
        let bytes: Vec<u8> = (0..32)
            .map(|i| u8::from_str_radix(&seed[2 * i..2 * i + 2], 16).unwrap())
            .collect();
        let path = folder.path().join("a.pem");
        new_file(
            &path,
            0o600,
            &pem("PRIVATE KEY", &[&PRIVATE[..], &bytes].concat()),
        )
        .unwrap();
        let signature = PrivateKey::read(&path)
            .unwrap()
            .sign("package.json", &[0xaf, 0x82]);
        let signed = STANDARD.decode(&signature.signature).unwrap();
        assert_eq!(signed[..8], [0x62, 0x91, 0xd6, 0x57, 0xde, 0xec, 0x24, 0x02]);
        let key = signature.check(&[0xaf, 0x82]).unwrap();
        assert_eq!(key.0[..4], [0xfc, 0x51, 0xcd, 0x8e]);
        assert!(signature.check(&[0xaf, 0x83]).is_err());
    }

    #[test]
    fn a_pair_is_written_once_and_the_private_key_is_its_owners() {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().join("hospital");
        let pair = Pair::create(&name).unwrap();
        assert_eq!(PrivateKey::read(&pair.private).unwrap().public(), pair.key);
        assert_eq!(PublicKey::read(&pair.public).unwrap(), pair.key);
        assert!(
            Pair::create(&name)
                .unwrap_err()
                .to_string()
                .contains("never overwritten")
        );
        let error = PublicKey::read(&pair.private).unwrap_err().to_string();
        assert!(error.contains("is a private key"), "{error}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&pair.private), 0o600);
            std::fs::set_permissions(&pair.private, std::fs::Permissions::from_mode(0o640)).unwrap();
            let error = PrivateKey::read(&pair.private).err().unwrap().to_string();
            assert!(error.contains("chmod 600"), "{error}");
        }
        assert!(PublicKey::read(&folder.path().join("none")).is_err());
    }
}
