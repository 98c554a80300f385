//! An index that finds similar hashes without comparing with all of them.
//!
//! Locality-sensitive hashing by sampled bits (Indyk and Motwani 1998). Each of 16 tables stores every film
//! under some bits of its hash. A query also tries the keys with its three least certain bits of that table
//! flipped (multi-probe, Lv et al. 2007).

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::hash::{BITS, Hash, Query, distance};

/// Number of tables; each takes 4 bytes a film.
const TABLES: usize = 16;

/// Bits of a key that a query may flip.
const UNCERTAIN_BITS: usize = 3;

/// Minimum and maximum number of bits of a table's key.
const KEY: (u32, u32) = (8, 20);

/// An index of hashes.
pub struct Index {
    hashes: Vec<Hash>,
    tables: Vec<Table>,
}

/// Films, sorted by some bits of their hashes.
struct Table {
    bits: Vec<usize>,
    /// Start of each key's films in `films`, and the end.
    starts: Vec<u32>,
    films: Vec<u32>,
}

/// Working memory of a thread's queries.
#[derive(Default)]
pub(crate) struct QueryScratch {
    /// The last query that met each film.
    met: Vec<u32>,
    query: u32,
}

impl Index {
    /// Indexes hashes. A film is identified by its position.
    pub fn new(hashes: Vec<Hash>) -> Self {
        let width = hashes.len().max(1).ilog2().clamp(KEY.0, KEY.1) as usize;
        let mut rng = ChaCha8Rng::seed_from_u64(0x6c65_616b_7321);
        let mut unused: Vec<usize> = Vec::new();
        let tables = (0..TABLES).map(|_| {
            // Sampled without replacement, so that all bits are used equally often.
            let bits = (0..width)
                .map(|_| {
                    if unused.is_empty() {
                        unused = (0..BITS).collect();
                    }
                    let chosen = rng.random_range(0..unused.len());
                    unused.swap_remove(chosen)
                })
                .collect();
            Table::new(bits, &hashes)
        });
        Self {
            tables: tables.collect(),
            hashes,
        }
    }

    /// Number of films.
    pub(crate) fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Size in memory, in bytes.
    pub fn bytes(&self) -> usize {
        let tables = self
            .tables
            .iter()
            .map(|table| 4 * (table.starts.len() + table.films.len()));
        self.hashes.len() * size_of::<Hash>() + tables.sum::<usize>()
    }

    /// Calls `found(film, distance)` once for each film within `radius` bits of the query, in any order.
    pub(crate) fn near(
        &self,
        query: &Query,
        radius: u32,
        scratch: &mut QueryScratch,
        mut found: impl FnMut(usize, u32),
    ) {
        scratch.met.resize(self.hashes.len(), 0);
        scratch.query = scratch.query.wrapping_add(1);
        if scratch.query == 0 {
            scratch.met.fill(0);
            scratch.query = 1;
        }
        for table in &self.tables {
            let key = key(&table.bits, &query.hash);
            let least_certain = least_certain(&table.bits, query);
            for probe in 0..1_u32 << UNCERTAIN_BITS {
                let flips = (0..UNCERTAIN_BITS)
                    .filter(|place| probe >> place & 1 == 1)
                    .fold(0, |flips, place| flips | 1_usize << least_certain[place]);
                for &film in table.films(key ^ flips) {
                    let film = film as usize;
                    if scratch.met[film] == scratch.query {
                        continue;
                    }
                    scratch.met[film] = scratch.query;
                    let apart = distance(&query.hash, &self.hashes[film]);
                    if apart <= radius {
                        found(film, apart);
                    }
                }
            }
        }
    }
}

impl Table {
    fn new(bits: Vec<usize>, hashes: &[Hash]) -> Self {
        let mut starts = vec![0_u32; (1 << bits.len()) + 1];
        for hash in hashes {
            starts[key(&bits, hash) + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let mut films = vec![0; hashes.len()];
        for (film, hash) in hashes.iter().enumerate() {
            let place = &mut next[key(&bits, hash)];
            films[*place as usize] = film as u32;
            *place += 1;
        }
        Self { bits, starts, films }
    }

    fn films(&self, key: usize) -> &[u32] {
        &self.films[self.starts[key] as usize..self.starts[key + 1] as usize]
    }
}

fn key(bits: &[usize], hash: &Hash) -> usize {
    bits.iter().enumerate().fold(0, |key, (place, &bit)| {
        key | ((hash[bit / 64] >> (bit % 64) & 1) as usize) << place
    })
}

/// The positions of a table's key at which the query is least certain.
fn least_certain(bits: &[usize], query: &Query) -> [usize; UNCERTAIN_BITS] {
    let mut lowest = [(f32::INFINITY, 0); UNCERTAIN_BITS];
    for (place, &bit) in bits.iter().enumerate() {
        let mut entry = (query.margins[bit], place);
        for slot in &mut lowest {
            if entry.0 < slot.0 {
                std::mem::swap(slot, &mut entry);
            }
        }
    }
    lowest.map(|(_, place)| place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(rng: &mut ChaCha8Rng) -> Hash {
        std::array::from_fn(|_| rng.random())
    }

    fn query(hash: Hash) -> Query {
        Query {
            hash,
            margins: [1.0; BITS],
        }
    }

    #[test]
    fn near_hashes_are_found_and_no_others() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let hashes: Vec<Hash> = (0..3000).map(|_| hash(&mut rng)).collect();
        let index = Index::new(hashes.clone());
        let mut scratch = QueryScratch::default();
        let mut missed = 0;
        for (film, own) in hashes.iter().enumerate().step_by(7) {
            let mut changed = *own;
            for _ in 0..18 {
                let bit = rng.random_range(0..BITS);
                changed[bit / 64] ^= 1 << (bit % 64);
            }
            let mut found = Vec::new();
            index.near(&query(changed), 30, &mut scratch, |film, apart| {
                found.push((film, apart));
            });
            for &(other, apart) in &found {
                assert_eq!(apart, distance(&changed, &hashes[other]));
                assert!(apart <= 30);
            }
            assert!(found.len() <= 1);
            missed += usize::from(!found.iter().any(|&(other, _)| other == film));
        }
        assert!(missed <= 4, "{missed} of 429 missed");
    }

    #[test]
    fn every_table_holds_every_film_once() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let hashes: Vec<Hash> = (0..500).map(|_| hash(&mut rng)).collect();
        let index = Index::new(hashes);
        for table in &index.tables {
            let mut films = table.films.clone();
            films.sort_unstable();
            assert!(films.into_iter().eq(0..500));
        }
        assert_eq!(index.bytes(), 500 * 24 + 16 * 4 * (257 + 500));
    }

    #[test]
    fn least_certain_bits_are_flipped_first() {
        let mut query = query([0; 3]);
        query.margins[7] = 0.1;
        query.margins[90] = 0.3;
        query.margins[3] = 0.2;
        assert_eq!(least_certain(&[1, 90, 2, 7, 5, 3], &query), [3, 5, 1]);
    }
}
