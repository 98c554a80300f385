//! Random streams by name: a draw depends on seed and name, never on what was drawn before it.
//!
//! Every stream is `ChaCha8`. A [`Scheme`] turns seed and name into its key. The schemes differ for
//! historical reasons only, and stay so that an old seed gives the same numbers. New code uses
//! [`Scheme::Sha256`].

use rand::{Rng, SeedableRng as _};
pub use rand_chacha::ChaCha8Rng;

use crate::sha256::Hasher;

/// How seed and name become the key of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// SHA-256 of the first part, the seed and the other parts, each after its length: no two names collide.
    Sha256,
    /// SHA-256 of a prefix, the seed, and the parts joined by a zero byte.
    Prefixed(&'static str),
    /// The seed, and two FNV-1a hashes (Fowler, Noll and Vo) of the parts joined by a zero byte.
    Fnv,
    /// The seed, and the first 24 bytes of the parts joined by a zero byte.
    Plain,
}

/// The stream of a seed and a name, which may have several parts.
///
/// ```
/// use pleura_core::rng::{Scheme, stream, unit};
///
/// let first = |seed, film: &str| unit(&mut stream(Scheme::Sha256, seed, &[b"noise", film.as_bytes()]));
/// assert_eq!(first(7, "a"), first(7, "a"));
/// assert_ne!(first(7, "a"), first(7, "b"));
/// assert_ne!(first(7, "a"), first(8, "a"));
/// ```
pub fn stream(scheme: Scheme, seed: u64, name: &[&[u8]]) -> ChaCha8Rng {
    let seed = seed.to_le_bytes();
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed);
    match scheme {
        Scheme::Sha256 => {
            let mut hasher = Hasher::new();
            let (purpose, rest) = name.split_at(name.len().min(1));
            for part in purpose.iter().chain([&&seed[..]]).chain(rest) {
                hasher.update_part(part);
            }
            key = hasher.digest();
        }
        Scheme::Prefixed(prefix) => {
            let mut hasher = Hasher::new();
            hasher.update(prefix);
            hasher.update(seed);
            hasher.update(name.join(&0));
            key = hasher.digest();
        }
        Scheme::Fnv => {
            for (half, start) in [(8, 0xcbf2_9ce4_8422_2325_u64), (16, 0x9ae1_6a3b_2f90_404f)] {
                let hash = name.join(&0).iter().fold(start, |hash, &byte| {
                    (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
                });
                key[half..half + 8].copy_from_slice(&hash.to_le_bytes());
            }
        }
        Scheme::Plain => {
            for (slot, byte) in key[8..].iter_mut().zip(name.join(&0)) {
                *slot = byte;
            }
        }
    }
    ChaCha8Rng::from_seed(key)
}

/// Shuffles in place (Fisher and Yates). Written here, so that a new library version cannot change an old
/// run.
pub fn shuffle<T>(items: &mut [T], rng: &mut impl Rng) {
    for last in (1..items.len()).rev() {
        items.swap(last, below(last as u64 + 1, rng) as usize);
    }
}

/// A uniform integer in 0..bound, for bound > 0. Draws that would favour small numbers are rejected.
pub fn below(bound: u64, rng: &mut impl Rng) -> u64 {
    let unfair = (u64::MAX % bound + 1) % bound;
    loop {
        let draw = rng.next_u64();
        if draw <= u64::MAX - unfair {
            return draw % bound;
        }
    }
}

/// A uniform number in [0, 1) with 53 random bits.
pub fn unit(rng: &mut impl Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMES: [Scheme; 4] = [
        Scheme::Sha256,
        Scheme::Prefixed("test"),
        Scheme::Fnv,
        Scheme::Plain,
    ];

    #[test]
    fn streams_depend_on_seed_and_name_alone() {
        for scheme in SCHEMES {
            let draw = |seed, name: &[&[u8]]| stream(scheme, seed, name).next_u64();
            assert_eq!(draw(1, &[b"a", b"b"]), draw(1, &[b"a", b"b"]));
            assert_ne!(draw(1, &[b"a", b"b"]), draw(2, &[b"a", b"b"]));
            assert_ne!(draw(1, &[b"a", b"b"]), draw(1, &[b"a", b"c"]));
            assert_ne!(draw(1, &[b"a", b"b"]), draw(1, &[b"ab"]));
        }
    }

    #[test]
    fn old_seeds_give_their_old_bits() {
        let name: &[&[u8]] = &[b"two", b"parts"];
        let first = |scheme, name| stream(scheme, 7, name).next_u64();
        assert_eq!(first(Scheme::Sha256, name), 0x75bb_afe2_f33c_ccc8);
        assert_eq!(
            first(Scheme::Prefixed("pleura initialise\0"), name),
            0xd51c_9826_14ed_d39f
        );
        assert_eq!(
            first(Scheme::Prefixed("pleura phantom 1"), &name[..1]),
            0xcabc_9620_88c4_301b
        );
        assert_eq!(first(Scheme::Fnv, name), 0x0e30_9aca_3247_fdd8);
        assert_eq!(first(Scheme::Plain, name), 0x42f6_4dba_2d83_38fd);
    }

    #[test]
    fn every_order_is_equally_likely() {
        // 4 items, 24 orders, 24,000 shuffles: each order about 1,000 times (standard deviation 31).
        let mut counts = std::collections::HashMap::new();
        for seed in 0..24_000 {
            let mut items = [0, 1, 2, 3];
            shuffle(&mut items, &mut stream(Scheme::Sha256, seed, &[b"test"]));
            *counts.entry(items).or_insert(0_u32) += 1;
        }
        assert_eq!(counts.len(), 24);
        assert!(counts.values().all(|count| (840..1160).contains(count)));
    }

    #[test]
    fn below_stays_below() {
        let mut rng = stream(Scheme::Sha256, 0, &[b"test"]);
        for bound in [1, 2, 3, 10, u64::MAX] {
            assert!((0..200).all(|_| below(bound, &mut rng) < bound));
        }
    }
}
