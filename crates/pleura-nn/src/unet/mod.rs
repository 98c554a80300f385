//! Segmentation: a pre-activation U-Net (Ronneberger et al., arXiv 1505.04597) of the engine's primitives.
//!
//! Level `i` has one map, `[w_i + d_i, batch · h_i · w_i]`. Its first rows come from the encoder, the rows
//! below are the decoder's map of level `i + 1`, upsampled. So the concatenation of a U-Net costs nothing.
//! Norm and `ReLU` are prologues of the layers that read a map, as in a dense block: the pool to the next
//! level reads the encoder's rows, the decoder's convolution reads all rows, and both share the statistics of
//! the rows. Upsampling by repetition commutes with norm and `ReLU`, and does not change mean and variance,
//! so raw maps are upsampled.
//!
//! ```text
//! encoder i   pool(relu(norm(first rows of map i−1))) → conv 3×3 → norm, relu, conv 3×3 → first rows of map i
//! decoder i   upsample(decoder i+1) → last rows of map i;  norm, relu, conv 3×3 of all rows → decoder i
//! head        norm, relu, conv 1×1 of decoder 0 → a logit for each region and pixel
//! ```

mod architecture;
mod backward;
mod network;
mod plan;
mod weights;

pub use self::architecture::{NAMES, UNet};
pub use self::network::{Segmenter, UNetTrace};
pub use self::weights::{GreyScale, UNetWeights};
