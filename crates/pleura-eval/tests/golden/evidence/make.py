"""Makes evidence.json beside it: what MLstatkit, statsmodels, scikit-learn and SciPy say of comparisons and calibrations.

Run as `python make.py` with numpy, scipy, scikit-learn, statsmodels and MLstatkit; versions are written into the file. The tests that
read it need no Python. Neither implementation of DeLong's test here is ours: MLstatkit's is from PyPI, and the structural components are
counted out pair by pair as the paper of 1988 writes them.
"""

import importlib.metadata
import json
import pathlib

import numpy as np
import scipy
import sklearn
import statsmodels
from MLstatkit import Delong_test
from scipy import optimize, special
from sklearn import metrics
from sklearn.calibration import calibration_curve
from statsmodels.stats.contingency_tables import mcnemar

HERE = pathlib.Path(__file__).parent
VERSIONS = {
    "made_by": "tests/golden/evidence/make.py",
    "numpy": np.__version__,
    "scipy": scipy.__version__,
    "scikit-learn": sklearn.__version__,
    "statsmodels": statsmodels.__version__,
    "MLstatkit": importlib.metadata.version("MLstatkit"),
}


def pairwise(truth, scores):
    """Areas and covariance by the double loop of DeLong, DeLong and Clarke-Pearson."""
    with_, without = truth == 1, truth == 0
    m, n = with_.sum(), without.sum()
    psi = [(a[with_][:, None] > a[without]) + 0.5 * (a[with_][:, None] == a[without]) for a in scores]
    areas = np.array([table.mean() for table in psi])
    v10 = np.array([table.mean(axis=1) for table in psi]) - areas[:, None]
    v01 = np.array([table.mean(axis=0) for table in psi]) - areas[:, None]
    return areas, v10 @ v10.T / (m - 1) / m + v01 @ v01.T / (n - 1) / n


def clustered(truth, scores, cluster):
    """Obuchowski's covariance for clustered data (Biometrics 53, 1997, equations 4 and 5), term by term."""
    with_, without = truth == 1, truth == 0
    m, n = with_.sum(), without.sum()
    psi = [(a[with_][:, None] > a[without]) + 0.5 * (a[with_][:, None] == a[without]) for a in scores]
    areas = np.array([table.mean() for table in psi])
    names = np.unique(cluster)
    sums10 = np.array([[t.mean(axis=1)[cluster[with_] == c].sum() for c in names] for t in psi])
    sums01 = np.array([[t.mean(axis=0)[cluster[without] == c].sum() for c in names] for t in psi])
    m_i = np.array([(cluster[with_] == c).sum() for c in names])
    n_i = np.array([(cluster[without] == c).sum() for c in names])
    d10, d01 = sums10 - areas[:, None] * m_i, sums01 - areas[:, None] * n_i
    i10, i01, i = (m_i > 0).sum(), (n_i > 0).sum(), len(names)
    s10, s01 = i10 / ((i10 - 1) * m) * d10 @ d10.T, i01 / ((i01 - 1) * n) * d01 @ d01.T
    s11 = i / (i - 1) * d10 @ d01.T
    return areas, s10 / m + s01 / n + (s11 + s11.T) / (m * n)


def delong(random):
    cases = []
    for m, n, grains, skill in [(12, 20, None, 1.0), (40, 60, 6, 0.7), (9, 7, 4, 1.5), (80, 300, None, 0.3), (5, 5, 10, 2.0)]:
        truth = np.r_[np.ones(m), np.zeros(n)].astype(int)
        common = random.normal(size=m + n)
        scores = [skill * truth * weight + common + random.normal(size=m + n) for weight in (1.0, 1.4)]
        if grains:
            scores = [np.round(special.expit(s) * grains) / grains for s in scores]
        order = random.permutation(m + n)
        truth, scores = truth[order], [s[order] for s in scores]
        areas, covariance = pairwise(truth, scores)
        z, p, ci_a, ci_b, auc_a, auc_b, info = Delong_test(truth, *scores, return_ci=True, return_auc=True)
        assert info["method"] == "delong"
        variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
        assert np.isclose(info["var_diff"], variance, rtol=1e-10), (info, variance)
        assert np.allclose([auc_a, auc_b], areas) and np.isclose(auc_a, metrics.roc_auc_score(truth, scores[0]))
        assert np.isclose(z, (areas[1] - areas[0]) / np.sqrt(variance), rtol=1e-10)
        cluster = random.integers(0, (m + n) // 2, m + n)
        over, over_covariance = clustered(truth, scores, cluster)
        assert np.allclose(over, areas)
        cases.append({
            "truth": truth.tolist(), "first": scores[0].tolist(), "second": scores[1].tolist(), "patient": cluster.tolist(),
            "areas": [float(auc_a), float(auc_b)], "covariance": covariance.ravel().tolist(),
            "z": float(z), "p": float(p), "ci": [*map(float, ci_a), *map(float, ci_b)],
            "covariance_over_patients": over_covariance.ravel().tolist(),
        })
    return cases


def paired():
    cases = []
    for cells in [(30, 5, 12, 3), (0, 1, 0, 9), (50, 40, 61, 7), (9, 0, 6, 0), (100, 220, 180, 40)]:
        both, only_before, only_after, neither = cells
        found = mcnemar([[both, only_before], [only_after, neither]], exact=True)
        cases.append([*cells, float(found.pvalue)])
    return cases


def flips(random):
    """Sign flips over patients, every choice of signs counted out."""
    cases = []
    for patients in (1, 4, 9, 13):
        pairs = random.integers(0, 4, (patients, 2))
        surplus = pairs[:, 1] - pairs[:, 0]
        signs = 1 - 2 * ((np.arange(2**patients)[:, None] >> np.arange(patients)) & 1)
        p = np.mean(np.abs(signs @ surplus) >= abs(surplus.sum()))
        cases.append([pairs.tolist(), float(p)])
    return cases


def curves(random):
    cases = []
    for films, bins in [(60, 5), (200, 10), (31, 4)]:
        scores = np.round(random.beta(1.3, 1.7, films), 2)
        truth = (random.random(films) < scores**1.4).astype(int)
        one = {"scores": scores.tolist(), "truth": truth.tolist(), "bins": bins}
        for strategy in ("uniform", "quantile"):
            share, mean = calibration_curve(truth, scores, n_bins=bins, strategy=strategy)
            one[strategy] = [mean.tolist(), share.tolist()]
        cases.append(one)
    return cases


def temperatures(random):
    cases = []
    for films, classes, sure in [(80, 3, 3.0), (150, 4, 0.5), (60, 2, 1.5)]:
        plain = random.normal(size=(films, classes)) * 1.5
        truth = np.array([random.choice(classes, p=special.softmax(row)) for row in plain])
        logits = plain * sure

        def loss(beta):
            return metrics.log_loss(truth, special.softmax(beta * logits, axis=1), labels=list(range(classes)))

        found = optimize.minimize_scalar(loss, bounds=(0.02, 50), method="bounded", options={"xatol": 1e-12})
        cases.append({
            "logits": logits.ravel().tolist(), "truth": truth.tolist(), "classes": classes,
            "temperature": float(1 / found.x), "before": float(loss(1.0)), "after": float(found.fun),
        })
    return cases


def main():
    random = np.random.default_rng(1988)
    content = {
        "delong": delong(random), "mcnemar": paired(), "flips": flips(random),
        "calibration": curves(random), "temperature": temperatures(random),
    }
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in {"header": VERSIONS, **content}.items()]
    (HERE / "evidence.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
