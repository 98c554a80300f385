//! A zip archive of stored entries in one canonical form: equal entries give equal bytes, and the reader
//! accepts only those bytes.
//!
//! Zip readers are tolerant: of gaps between entries, duplicate names, names that climb out of a folder,
//! tables that disagree with their entries, trailing data. Two readers may interpret such an archive
//! differently, and a signature over one interpretation says nothing about the other. This reader therefore
//! walks the entries from the first byte and then demands that the central directory is exactly the one that
//! the writer would have written. Any zip program reads these archives; archives of other programs are rarely
//! readable here.

use std::ops::Range;

use crate::Error;

/// Largest file size in bytes: eight times the largest network here.
pub const MOST_BYTES: u64 = 1 << 30;
/// Maximum number of entries.
pub const MOST_ENTRIES: usize = 256;
/// Longest entry name.
const LONGEST_NAME: usize = 100;

const LOCAL: [u8; 4] = *b"PK\x03\x04";
const CENTRAL: [u8; 4] = *b"PK\x01\x02";
const END: [u8; 4] = *b"PK\x05\x06";
const LOCAL_LENGTH: usize = 30;
/// Name of a package's first entry.
const FIRST: &str = crate::package::entry::INDEX;
/// Midnight of 1 January 1980, the earliest date of zip: packages hold no time.
const TIME_AND_DATE: [u8; 4] = [0, 0, 0x21, 0];
/// Version 1.0 suffices to extract stored entries.
const VERSION: [u8; 2] = [10, 0];
/// Names are UTF-8 (here: ASCII); nothing else is set.
const FLAGS: [u8; 2] = [0, 8];

/// Number of bytes that identify a package: the header and name of its first entry.
pub const HEAD: usize = LOCAL_LENGTH + FIRST.len();

/// True if these bytes begin a package. Other programs write zip archives too, for example of weights.
pub fn looks_like(head: &[u8]) -> bool {
    head.starts_with(&LOCAL) && head.get(LOCAL_LENGTH..HEAD) == Some(FIRST.as_bytes())
}

/// The archive of these entries, in this order.
///
/// # Errors
/// A name that readers should refuse, a duplicate name, or too much data.
pub fn write(entries: &[(String, Vec<u8>)]) -> Result<Vec<u8>, Error> {
    let refuse = |problem: String| Error::Archive {
        file: "a package to be written".to_owned(),
        problem,
    };
    let size: usize = entries.iter().map(|(_, bytes)| bytes.len() + 512).sum();
    if size as u64 > MOST_BYTES || entries.len() > MOST_ENTRIES {
        return Err(refuse(format!(
            "{} entries of {size} bytes, expected at most {MOST_ENTRIES} of {MOST_BYTES}",
            entries.len()
        )));
    }
    let mut out = Vec::with_capacity(size);
    let mut listed: Vec<Listed<'_>> = Vec::with_capacity(entries.len());
    for (name, bytes) in entries {
        check_name(name).map_err(|problem| refuse(format!("the name {name:?} {problem}")))?;
        if listed.iter().any(|other| other.name == name) {
            return Err(refuse(format!("two entries are called {name:?}")));
        }
        let one = Listed {
            name,
            crc: crc32fast::hash(bytes),
            length: bytes.len() as u32,
            offset: out.len() as u32,
        };
        out.extend(LOCAL);
        out.extend(one.facts());
        out.extend(name.as_bytes());
        out.extend(bytes);
        listed.push(one);
    }
    let table = table(&listed, out.len());
    out.extend(table);
    Ok(out)
}

/// Names and byte ranges of the entries of an archive by [`write()`].
///
/// # Errors
/// [`Error::Archive`] for any other file; [`Error::Entry`] if an entry is cut short or fails its checksum.
pub fn read(bytes: &[u8], file: &str) -> Result<Vec<(String, Range<usize>)>, Error> {
    let refuse = |problem: String| Error::Archive {
        file: file.to_owned(),
        problem,
    };
    if bytes.len() as u64 > MOST_BYTES {
        return Err(refuse(format!(
            "{} bytes, expected at most {MOST_BYTES}",
            bytes.len()
        )));
    }
    if !bytes.starts_with(&LOCAL) {
        return Err(refuse(
            "does not begin as a package does; expected a file that `pleura package` wrote".to_owned(),
        ));
    }
    let mut found: Vec<(String, Range<usize>)> = Vec::new();
    let mut listed = Vec::new();
    let mut at = 0;
    while bytes[at..].starts_with(&LOCAL) {
        let behind = found.last().map_or_else(
            || "the first entry".to_owned(),
            |(name, _)| format!("the entry behind {name}"),
        );
        if found.len() == MOST_ENTRIES {
            return Err(refuse(format!("more than {MOST_ENTRIES} entries")));
        }
        let header = bytes
            .get(at..at + LOCAL_LENGTH)
            .ok_or_else(|| refuse(format!("ends within the header of {behind}: the file is cut off")))?;
        let number = |place: usize| {
            u32::from_le_bytes([
                header[place],
                header[place + 1],
                header[place + 2],
                header[place + 3],
            ])
        };
        let name_length = usize::from(u16::from_le_bytes([header[26], header[27]]));
        let start = at + LOCAL_LENGTH + name_length;
        let name = bytes
            .get(at + LOCAL_LENGTH..start)
            .ok_or_else(|| refuse(format!("ends within the name of {behind}: the file is cut off")))?;
        let name = std::str::from_utf8(name)
            .ok()
            .filter(|name| check_name(name).is_ok())
            .ok_or_else(|| refuse(format!("{behind} has a name that a package does not have")))?;
        let (crc, length) = (number(14), number(18));
        let one = Listed {
            name,
            crc,
            length,
            offset: at as u32,
        };
        if header[4..] != one.facts() {
            return Err(Error::Entry {
                file: file.to_owned(),
                entry: name.to_owned(),
                problem: "has a header that `pleura package` does not write".to_owned(),
            });
        }
        let wrong = |problem: String| Error::Entry {
            file: file.to_owned(),
            entry: name.to_owned(),
            problem,
        };
        if found.iter().any(|(other, _)| other == name) {
            return Err(wrong("is there twice".to_owned()));
        }
        let end = start
            .checked_add(length as usize)
            .filter(|&end| end <= bytes.len())
            .ok_or_else(|| {
                wrong(format!(
                    "is cut off: {} of {length} bytes are there",
                    bytes.len() - start
                ))
            })?;
        if crc32fast::hash(&bytes[start..end]) != crc {
            return Err(wrong("does not have its checksum".to_owned()));
        }
        found.push((name.to_owned(), start..end));
        listed.push(one);
        at = end;
    }
    let expected = table(&listed, at);
    let rest = &bytes[at..];
    if rest != expected {
        return Err(refuse(if expected.starts_with(rest) || LOCAL.starts_with(rest) {
            format!(
                "ends behind {} entries, before its table does: the file is cut off",
                found.len()
            )
        } else {
            "the table behind the entries is not the one that `pleura package` writes: the file was changed, or something was added to it"
                .to_owned()
        }));
    }
    Ok(found)
}

struct Listed<'a> {
    name: &'a str,
    crc: u32,
    length: u32,
    offset: u32,
}

impl Listed<'_> {
    /// Fields shared by an entry's local header and its line in the directory.
    fn facts(&self) -> [u8; 26] {
        let mut facts = [0; 26];
        facts[0..2].copy_from_slice(&VERSION);
        facts[2..4].copy_from_slice(&FLAGS);
        // Bytes 4 and 5, the method, stay 0: stored.
        facts[6..10].copy_from_slice(&TIME_AND_DATE);
        facts[10..14].copy_from_slice(&self.crc.to_le_bytes());
        facts[14..18].copy_from_slice(&self.length.to_le_bytes());
        facts[18..22].copy_from_slice(&self.length.to_le_bytes());
        facts[22..24].copy_from_slice(&(self.name.len() as u16).to_le_bytes());
        facts
    }
}

/// The central directory and its end.
fn table(listed: &[Listed<'_>], offset: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for one in listed {
        out.extend(CENTRAL);
        out.extend(VERSION);
        out.extend(one.facts());
        // No comment, disk 0, no attributes.
        out.extend([0; 10]);
        out.extend(one.offset.to_le_bytes());
        out.extend(one.name.as_bytes());
    }
    let length = out.len() as u32;
    let count = (listed.len() as u16).to_le_bytes();
    out.extend(END);
    out.extend([0; 4]);
    out.extend(count);
    out.extend(count);
    out.extend(length.to_le_bytes());
    out.extend((offset as u32).to_le_bytes());
    out.extend([0; 2]);
    out
}

/// Restricts names, so that no unpacking program can be led to another folder.
pub(crate) fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() || name.len() > LONGEST_NAME {
        return Err("is empty or too long");
    }
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-/".contains(c);
    if !name.chars().all(plain) {
        return Err("has other characters than a to z, 0 to 9, point, line and slash");
    }
    if name
        .split('/')
        .any(|part| part.is_empty() || part.starts_with('.'))
    {
        return Err("leads out of the package, or to a hidden file");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<(String, Vec<u8>)> {
        vec![
            ("package.json".to_owned(), b"{}".to_vec()),
            ("golden/1.png".to_owned(), (0..200).collect()),
            ("empty".to_owned(), Vec::new()),
        ]
    }

    #[test]
    fn what_is_written_is_read_and_other_readers_read_it_too() {
        let bytes = write(&entries()).unwrap();
        assert_eq!(bytes, write(&entries()).unwrap());
        assert!(looks_like(&bytes[..HEAD]) && !looks_like(&bytes[..HEAD - 1]));
        let other = write(&[("archive/data.pkl".to_owned(), vec![0; 9])]).unwrap();
        assert!(!looks_like(&other));
        let found = read(&bytes, "p").unwrap();
        let back: Vec<(String, Vec<u8>)> = found
            .into_iter()
            .map(|(name, place)| (name, bytes[place].to_vec()))
            .collect();
        assert_eq!(back, entries());
        let mut others = zip::ZipArchive::new(std::io::Cursor::new(&bytes)).unwrap();
        assert_eq!(others.len(), entries().len());
        for (number, (name, content)) in entries().iter().enumerate() {
            let mut entry = others.by_index(number).unwrap();
            let mut read = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut read).unwrap();
            assert_eq!((entry.name().unwrap().as_ref(), &read), (name.as_str(), content));
        }
    }

    #[test]
    fn no_byte_may_change() {
        let bytes = write(&entries()).unwrap();
        for place in 0..bytes.len() {
            for bit in [1, 0x80] {
                let mut changed = bytes.clone();
                changed[place] ^= bit;
                assert!(read(&changed, "p").is_err(), "byte {place}");
            }
        }
    }

    #[test]
    fn nothing_may_be_cut_off_or_added() {
        let bytes = write(&entries()).unwrap();
        for length in 0..bytes.len() {
            let error = read(&bytes[..length], "p").unwrap_err().to_string();
            assert!(
                error.contains("cut off") || error.contains("does not begin"),
                "{length}: {error}"
            );
        }
        let cut = read(&bytes[..120], "p").unwrap_err().to_string();
        assert!(cut.contains("golden/1.png"), "{cut}");
        assert!(read(&[&bytes[..], b"x"].concat(), "p").is_err());
        assert!(read(&[&bytes[..], &bytes[..]].concat(), "p").is_err());
    }

    #[test]
    fn names_cannot_lead_elsewhere_and_are_not_given_twice() {
        for name in [
            "",
            "/etc/passwd",
            "../x",
            "a/../b",
            "a//b",
            "a\\b",
            "C:x",
            ".hidden",
            "A",
            "ä",
        ] {
            assert!(write(&[(name.to_owned(), vec![1])]).is_err(), "{name:?}");
        }
        let twice = vec![("a".to_owned(), vec![1]), ("a".to_owned(), vec![2])];
        assert!(write(&twice).unwrap_err().to_string().contains("two entries"));
        // Built by hand: two valid entries, the second with the first's name.
        let sound = write(&[("a".to_owned(), vec![1]), ("b".to_owned(), vec![2])]).unwrap();
        let swapped: Vec<u8> = sound.iter().map(|&b| if b == b'b' { b'a' } else { b }).collect();
        let error = read(&swapped, "p").unwrap_err().to_string();
        assert!(error.contains("the entry a is there twice"), "{error}");
    }
}
