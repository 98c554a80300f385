//! The beta distribution, for exact intervals.
//!
//! `statrs`'s incomplete beta function stops after 140 terms and subtracts large logarithms, which loses
//! digits above about ten thousand films, and its inverse has no bracket. Only its `ln_gamma` is used here.

use std::f64::consts::TAU;

use statrs::function::gamma::ln_gamma;

/// Regularised incomplete beta function `I_x(a, b)`: the probability that a Beta(a, b) variable is at most
/// `x`.
///
/// `a`, `b` > 0; `x` is clamped to [0, 1]. Continued fraction 8.17.22 of the NIST Digital Library of
/// Mathematical Functions, by Lentz's method. NaN for parameters that are not positive.
pub fn regularised_incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if !(a > 0.0 && b > 0.0) || x.is_nan() {
        return f64::NAN;
    }
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    // The fraction converges in about √max(a, b) terms on the near side of the mean only.
    let power = power(a, b, x);
    if x < (a + 1.0) / (a + b + 2.0) {
        power * continued_fraction(a, b, x) / a
    } else {
        1.0 - power * continued_fraction(b, a, 1.0 - x) / b
    }
}

/// The `p` quantile of Beta(a, b): the x with `I_x(a, b) = p`.
///
/// `a`, `b` > 0, `p` in [0, 1], else NaN. Newton steps inside a bracket that bisection shrinks, so the search
/// ends for every input.
pub fn beta_quantile(a: f64, b: f64, p: f64) -> f64 {
    if !(a > 0.0 && b > 0.0 && (0.0..=1.0).contains(&p)) {
        return f64::NAN;
    }
    if p == 0.0 || p == 1.0 {
        return p;
    }
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    let mut x = a / (a + b);
    // 1100 halvings cover every exponent of f64; Newton needs a handful.
    for _ in 0..1100 {
        let excess = regularised_incomplete_beta(a, b, x) - p;
        if excess == 0.0 {
            return x;
        }
        if excess < 0.0 {
            low = x;
        } else {
            high = x;
        }
        let density = power(a, b, x) / (x * (1.0 - x));
        let mut next = x - excess / density;
        if !(next > low && next < high) {
            next = f64::midpoint(low, high);
        }
        if (next - x).abs() <= f64::EPSILON * x || next == low || next == high {
            return next;
        }
        x = next;
    }
    x
}

/// Two-sided critical value of Student's t: the t with P(|T| ≤ t) = `level` at `freedom` degrees of freedom.
///
/// NaN unless `freedom` > 0 and 0 ≤ `level` < 1. T²/(ν + T²) is Beta(1/2, ν/2).
pub fn student_t_quantile(freedom: f64, level: f64) -> f64 {
    // From the far side, 1 − x = Beta(ν/2, 1/2): keeps the digits that matter when x is near 1.
    let rest = beta_quantile(freedom / 2.0, 0.5, 1.0 - level);
    (freedom * (1.0 - rest) / rest).sqrt()
}

/// xᵃ(1 − x)ᵇ / B(a, b) by deviances from the mode, as C. Loader (2000) computes binomial probabilities. No
/// large numbers are subtracted, so it stays accurate for 10⁵ films and more.
///
/// With n = a + b: √(ab / 2πn) · exp(δ(n) − δ(a) − δ(b) − D(a, nx) − D(b, n(1 − x))).
fn power(a: f64, b: f64, x: f64) -> f64 {
    let n = a + b;
    let stirling = stirling_error(n) - stirling_error(a) - stirling_error(b);
    let deviance = deviance(a, n * x) + deviance(b, n * (1.0 - x));
    (a * (b / n) / TAU).sqrt() * (stirling - deviance).exp()
}

/// δ(z) = ln Γ(z) − [(z − ½) ln z − z + ½ ln 2π].
fn stirling_error(z: f64) -> f64 {
    /// Bernoulli numbers B₂ₖ / 2k(2k − 1).
    const SERIES: [f64; 7] = [
        1.0 / 12.0,
        -1.0 / 360.0,
        1.0 / 1260.0,
        -1.0 / 1680.0,
        1.0 / 1188.0,
        -691.0 / 360_360.0,
        1.0 / 156.0,
    ];
    if z < 12.0 {
        return ln_gamma(z) - ((z - 0.5) * z.ln() - z + 0.5 * TAU.ln());
    }
    let inverse_square = 1.0 / (z * z);
    SERIES
        .iter()
        .rev()
        .fold(0.0, |sum, term| sum * inverse_square + term)
        / z
}

/// D(x, m) = x ln(x/m) + m − x, without cancellation for x near m.
fn deviance(x: f64, m: f64) -> f64 {
    let v = (x - m) / (x + m);
    if v.abs() > 0.1 {
        return x * (x / m).ln() + m - x;
    }
    // ln(x/m) = 2 artanh v = 2(v + v³/3 + v⁵/5 + …).
    let mut sum = (x - m) * v;
    let mut term = 2.0 * x * v;
    for k in 1..20 {
        term *= v * v;
        sum += term / f64::from(2 * k + 1);
    }
    sum
}

fn continued_fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let guard = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / guard(1.0 - (a + b) * x / (a + 1.0));
    let mut result = d;
    for step in 1..100_000 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for coefficient in [even, odd] {
            d = 1.0 / guard(1.0 + coefficient * d);
            c = guard(1.0 + coefficient / c);
            change = c * d;
            result *= change;
        }
        if (change - 1.0).abs() <= f64::EPSILON {
            break;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_forms() {
        // Beta(1, n): I_x = 1 − (1 − x)ⁿ; Beta(n, 1): xⁿ.
        for n in [1.0_f64, 2.5, 150.0, 112_120.0] {
            for x in [1e-9_f64, 1e-4, 0.3, 0.976, 0.999_999] {
                let expected = -(n * (-x).ln_1p()).exp_m1();
                assert!(
                    (regularised_incomplete_beta(1.0, n, x) - expected).abs() < 1e-11,
                    "{n} {x}"
                );
                assert!(
                    (regularised_incomplete_beta(n, 1.0, x) - x.powf(n)).abs() < 1e-11,
                    "{n} {x}"
                );
            }
        }
    }

    #[test]
    fn quantile_undoes_the_distribution() {
        for (a, b) in [
            (0.5, 0.5),
            (0.5, 40.0),
            (1.0, 1.0),
            (3.0, 148.0),
            (90_000.0, 22_121.0),
            (0.1, 2.0),
        ] {
            for p in [1e-6, 0.025, 0.5, 0.975, 1.0 - 1e-6] {
                let x = beta_quantile(a, b, p);
                assert!(
                    (regularised_incomplete_beta(a, b, x) - p).abs() < 1e-9,
                    "Beta({a}, {b}) at {p}: {x}"
                );
            }
        }
    }

    #[test]
    fn nonsense_is_nan() {
        assert!(regularised_incomplete_beta(0.0, 1.0, 0.5).is_nan());
        assert!(beta_quantile(1.0, -1.0, 0.5).is_nan());
        assert!(beta_quantile(1.0, 1.0, 1.5).is_nan());
        assert!(student_t_quantile(0.0, 0.95).is_nan());
    }
}
