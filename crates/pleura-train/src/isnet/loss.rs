//! The loss of a heatmap, and its gradient.
//!
//! With A = |H| and a mask M of the lungs:
//! * N = A / mean(A over M); u is the mean of N outside M weighted by rank, the largest first, weights dⁱ
//!   (global weighted ranked pooling: a maximum for d = 0, a mean for d = 1); L1 = ln(1 + u/E);
//! * g = Σ A over M; L2 = (min(g, C1) − C1)²/C1² + (max(g, C2) − C2)²/C1². Without it, the network could make
//!   all relevance small, or make relevance inside so large that relevance outside no longer counts.

use pleura_run::recipe::Isnet;

/// Added to the mean over the mask, which is a divisor.
const SMALLEST: f64 = 1e-10;

/// The heatmap loss with its constants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeatmapLoss {
    /// Weight of L1.
    pub w1: f64,
    /// Weight of L2.
    pub w2: f64,
    /// d, the decay of the weights of ranks: 0 to 1.
    pub decay: f64,
    /// E, above 0.
    pub e: f64,
    /// C1, above 0.
    pub c1: f64,
    /// C2, C1 or more.
    pub c2: f64,
}

/// The loss of one map.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MapLoss {
    /// L1: relevance outside the lungs.
    pub l1: f64,
    /// L2: distance of the relevance inside from its range.
    pub l2: f64,
    /// g: the sum of absolute relevance inside.
    pub inside: f64,
}

/// The sum of absolute relevance inside a mask, of the same length as the map.
pub(super) fn inside(map: &[f32], mask: &[bool]) -> f64 {
    map.iter()
        .zip(mask)
        .filter(|&(_, &inside)| inside)
        .map(|(relevance, _)| f64::from(relevance.abs()))
        .sum()
}

/// A buffer for the order of pixels, reused for each map.
#[derive(Default)]
pub struct Order(Vec<u32>);

impl HeatmapLoss {
    /// The loss of a recipe, with known bounds.
    pub(crate) fn new(isnet: &Isnet, c1: f64, c2: f64) -> Self {
        Self {
            w1: isnet.w1,
            w2: isnet.w2,
            decay: isnet.decay,
            e: isnet.e,
            c1,
            c2,
        }
    }

    /// The loss of one map, `[size, size]`, with its mask. It is 0 for an empty mask (a film shifted out of
    /// its square).
    pub fn of(&self, map: &[f32], mask: &[bool], order: &mut Order) -> MapLoss {
        self.terms(map, mask, order, &mut |_, _| {})
    }

    /// The same; adds `scale` times the gradient of `w1 · L1 + w2 · L2` to `gradient`.
    pub fn with_gradient(
        &self,
        map: &[f32],
        mask: &[bool],
        scale: f64,
        gradient: &mut [f64],
        order: &mut Order,
    ) -> MapLoss {
        self.terms(map, mask, order, &mut |pixel, slope| {
            // The slope of |0| is 0.
            let sign = if map[pixel] == 0.0 {
                0.0
            } else {
                map[pixel].signum()
            };
            gradient[pixel] += scale * slope * f64::from(sign);
        })
    }

    /// Passes the slope of `w1 · L1 + w2 · L2` along each |H| to `slope`, unless it is 0.
    fn terms(
        &self,
        map: &[f32],
        mask: &[bool],
        Order(order): &mut Order,
        slope: &mut dyn FnMut(usize, f64),
    ) -> MapLoss {
        let count = mask.iter().filter(|&&inside| inside).count() as f64;
        if count == 0.0 {
            return MapLoss::default();
        }
        let absolute = |pixel: u32| f64::from(map[pixel as usize].abs());
        let g = inside(map, mask);
        let mean = g / count + SMALLEST;

        order.clear();
        order.extend((0..map.len() as u32).filter(|&pixel| !mask[pixel as usize]));
        // Equal pixels keep their reading order, so that the order is the same on every platform.
        order.sort_unstable_by(|&a, &b| absolute(b).total_cmp(&absolute(a)).then(a.cmp(&b)));
        let (mut sum, mut weights, mut weight) = (0.0, 0.0, 1.0);
        for &pixel in &*order {
            sum += weight * absolute(pixel);
            weights += weight;
            weight *= self.decay;
        }
        let u = if weights > 0.0 { sum / weights / mean } else { 0.0 };
        let l1 = (u / self.e).ln_1p();
        let along_u = self.w1 / (self.e + u);
        let mut weight = 1.0;
        for &pixel in &*order {
            // The weights of later ranks underflow.
            if weight < f64::MIN_POSITIVE {
                break;
            }
            slope(pixel as usize, along_u * weight / weights / mean);
            weight *= self.decay;
        }

        let (short, over) = (g.min(self.c1) - self.c1, g.max(self.c2) - self.c2);
        let square = self.c1 * self.c1;
        let l2 = (short * short + over * over) / square;
        let along_inside = self.w2 * 2.0 * (short + over) / square - along_u * u / mean / count;
        for (pixel, _) in mask.iter().enumerate().filter(|&(_, &inside)| inside) {
            slope(pixel, along_inside);
        }
        MapLoss { l1, l2, inside: g }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOSS: HeatmapLoss = HeatmapLoss {
        w1: 1.0,
        w2: 3.0,
        decay: 0.9,
        e: 1.0,
        c1: 1.0,
        c2: 25.0,
    };

    fn map(size: usize, scale: f32) -> (Vec<f32>, Vec<bool>) {
        let value = |pixel: usize| (((pixel * 7919 + 13) % 997) as f32 / 997.0 - 0.5) * scale;
        let map = (0..size * size).map(value).collect();
        let mask = (0..size * size).map(|pixel| pixel % size < size / 2 && pixel % 3 != 0);
        (map, mask.collect())
    }

    fn whole(loss: &HeatmapLoss, map: &[f32], mask: &[bool]) -> f64 {
        let found = loss.of(map, mask, &mut Order::default());
        loss.w1 * found.l1 + loss.w2 * found.l2
    }

    #[test]
    fn the_formulas_by_hand() {
        let map = [-2.0, 1.0, 3.0, -1.0];
        let mask = [true, true, false, false];
        let found = LOSS.of(&map, &mask, &mut Order::default());
        // mean inside 1.5; outside 3/1.5 = 2 and 1/1.5, weights 1 and 0.9.
        let u = (2.0 + 0.9 * (2.0 / 3.0)) / 1.9;
        assert!((found.l1 - (1.0_f64 + u).ln()).abs() < 1e-9);
        assert_eq!((found.l2, found.inside), (0.0, 3.0));
        let short = HeatmapLoss { c1: 4.0, ..LOSS }.of(&map, &mask, &mut Order::default());
        assert!((short.l2 - 1.0 / 16.0).abs() < 1e-12);
        let over = HeatmapLoss {
            c1: 0.5,
            c2: 2.0,
            ..LOSS
        }
        .of(&map, &mask, &mut Order::default());
        assert!((over.l2 - 1.0 / 0.25).abs() < 1e-12);
        let nothing = LOSS.of(&map, &[false; 4], &mut Order::default());
        assert_eq!(nothing, MapLoss::default());
    }

    #[test]
    fn ranked_pooling_lies_between_the_maximum_and_the_mean() {
        let (map, mask) = map(16, 1.0);
        let u = |decay| {
            let loss = HeatmapLoss { decay, ..LOSS };
            loss.of(&map, &mask, &mut Order::default()).l1.exp_m1()
        };
        let outside: Vec<f64> = (0..map.len())
            .filter(|&pixel| !mask[pixel])
            .map(|pixel| f64::from(map[pixel].abs()))
            .collect();
        let within = inside(&map, &mask) / mask.iter().filter(|&&inside| inside).count() as f64;
        let largest = outside.iter().copied().fold(0.0, f64::max) / within;
        let mean = outside.iter().sum::<f64>() / outside.len() as f64 / within;
        assert!((u(0.0) - largest).abs() < 1e-6 && (u(1.0) - mean).abs() < 1e-6);
        assert!(u(0.9) < largest && u(0.9) > mean);
    }

    #[test]
    fn gradients_are_slopes() {
        // Too little inside, enough, too much.
        for scale in [0.01, 0.5, 20.0] {
            let (map, mask) = map(12, scale);
            let mut gradient = vec![0.0; map.len()];
            let found = LOSS.with_gradient(&map, &mask, 2.0, &mut gradient, &mut Order::default());
            assert_eq!(found, LOSS.of(&map, &mask, &mut Order::default()));
            let size = gradient.iter().fold(0.0_f64, |size, slope| size.max(slope.abs()));
            for pixel in 0..map.len() {
                let at = |by: f32| {
                    let mut map = map.clone();
                    map[pixel] += by;
                    (whole(&LOSS, &map, &mask), f64::from(map[pixel]))
                };
                let step = scale * 2e-4;
                let ((above, x1), (below, x0)) = (at(step), at(-step));
                let slope = 2.0 * (above - below) / (x1 - x0);
                let error = (slope - gradient[pixel]).abs() / size;
                assert!(error < 1e-3, "{scale} {pixel}: {slope}, not {}", gradient[pixel]);
            }
        }
    }
}
