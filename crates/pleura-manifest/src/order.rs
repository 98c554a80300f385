//! Random streams that depend on what they are for, never on who asked first.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

/// The rows in the order of one epoch: a Fisher–Yates shuffle from the stream named by seed and epoch.
///
/// Epoch 0 is shuffled too. The same rows in another order give another order out.
pub fn shuffled(rows: &[usize], seed: u64, epoch: u64) -> Vec<usize> {
    let mut order = rows.to_vec();
    shuffle(
        &mut order,
        &mut stream("order of an epoch", &[&seed.to_le_bytes(), &epoch.to_le_bytes()]),
    );
    order
}

/// A generator whose stream is named by a purpose and by ids; other names give independent streams.
pub fn stream(purpose: &str, ids: &[&[u8]]) -> ChaCha8Rng {
    let mut hash = Sha256::new();
    for part in std::iter::once(purpose.as_bytes()).chain(ids.iter().copied()) {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    ChaCha8Rng::from_seed(hash.finalize().into())
}

/// Fisher–Yates, written out so that a new version of a library cannot change an old run's order.
pub fn shuffle<T>(items: &mut [T], rng: &mut impl Rng) {
    for last in (1..items.len()).rev() {
        items.swap(last, below(last as u64 + 1, rng) as usize);
    }
}

/// A uniform whole number in 0..bound, for bound > 0: draws that would favour small numbers are thrown away.
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

    #[test]
    fn an_epoch_visits_every_row_once_in_an_order_of_its_own() {
        let rows: Vec<usize> = (100..164).collect();
        let first = shuffled(&rows, 7, 0);
        let mut sorted = first.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, rows);
        assert_ne!(first, rows);
        assert_eq!(first, shuffled(&rows, 7, 0));
        assert_ne!(first, shuffled(&rows, 7, 1));
        assert_ne!(first, shuffled(&rows, 8, 0));
    }

    #[test]
    fn every_place_is_as_likely_as_every_other() {
        // 4 items, 24 orders, 24,000 shuffles: each order about 1,000 times (standard deviation 31).
        let mut counts = std::collections::HashMap::new();
        for seed in 0..24_000 {
            *counts.entry(shuffled(&[0, 1, 2, 3], seed, 0)).or_insert(0_u32) += 1;
        }
        assert_eq!(counts.len(), 24);
        assert!(
            counts.values().all(|&count| (840..1160).contains(&count)),
            "{counts:?}"
        );
    }

    #[test]
    fn streams_differ_where_their_names_do() {
        let draw = |purpose: &str, ids: &[&[u8]]| stream(purpose, ids).next_u64();
        assert_eq!(draw("a", &[b"b"]), draw("a", &[b"b"]));
        assert_ne!(draw("a", &[b"b"]), draw("ab", &[b""]));
        assert_ne!(draw("a", &[b"b", b"c"]), draw("a", &[b"bc"]));
    }

    #[test]
    fn below_stays_below() {
        let mut rng = stream("test", &[]);
        for bound in [1, 2, 3, 10, u64::MAX] {
            assert!((0..200).all(|_| below(bound, &mut rng) < bound));
        }
    }
}
