//! What a usual chest film's shares are.

use super::hash::BITS;

/// The median share of each cosine.
pub(super) const CENTRE: [f32; BITS] = [0.0; BITS];
