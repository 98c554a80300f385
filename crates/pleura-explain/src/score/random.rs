//! Named random streams: the numbers of a film do not depend on the films before it.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Stream `purpose` of a film and a seed.
pub(super) fn stream(seed: u64, purpose: &str, film: &str) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    // FNV-1a (Fowler, Noll & Vo) of the name, from two beginnings.
    for (half, begin) in [(8, 0xcbf2_9ce4_8422_2325_u64), (16, 0x9ae1_6a3b_2f90_404f)] {
        let bytes = purpose.bytes().chain([0]).chain(film.bytes());
        let hash = bytes.fold(begin, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        key[half..half + 8].copy_from_slice(&hash.to_le_bytes());
    }
    ChaCha8Rng::from_seed(key)
}

/// The numbers below `count` in random order (Fisher and Yates).
pub(super) fn shuffled(count: usize, random: &mut ChaCha8Rng) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        order.swap(last, random.random_range(0..=last as u32) as usize);
    }
    order
}
