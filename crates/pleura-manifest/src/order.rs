//! The order of an epoch.

use pleura_core::rng::{Scheme, shuffle, stream};

/// The rows in the order of an epoch: a Fisher-Yates shuffle by seed and epoch. The result depends on the order of
/// `rows`.
pub fn shuffled(rows: &[usize], seed: u64, epoch: u64) -> Vec<usize> {
    let mut order = rows.to_vec();
    let name: [&[u8]; 2] = [b"order of an epoch", &epoch.to_le_bytes()];
    shuffle(&mut order, &mut stream(Scheme::Sha256, seed, &name));
    order
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
}
