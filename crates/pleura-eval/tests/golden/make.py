"""Makes the golden files beside it: predictions tables and what scikit-learn and SciPy say of them.

Run as `python make.py` with numpy, scipy, scikit-learn and mpmath; versions are written into each file.
The tests that read the files need no Python.
"""

import csv
import json
import pathlib
import warnings

import mpmath
import numpy as np
import scipy
import sklearn
from scipy import stats
from sklearn import metrics

HERE = pathlib.Path(__file__).parent
VERSIONS = {
    "made_by": "tests/golden/make.py",
    "numpy": np.__version__,
    "scipy": scipy.__version__,
    "scikit-learn": sklearn.__version__,
    "mpmath": mpmath.__version__,
}
warnings.filterwarnings("ignore")  # undefined metrics are the point of some cases


def number(value):
    """None for what is undefined."""
    value = float(value)
    return value if np.isfinite(value) else None


def save(name, content):
    """One line a key: small, and a change shows where it is."""
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in {"header": VERSIONS, **content}.items()]
    (HERE / f"{name}.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


def save_table(name, findings, truth, scores, exclusive):
    with open(HERE / f"{name}.csv", "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        columns = ["truth"] if exclusive else [f"truth:{finding}" for finding in findings]
        table.writerow(["film", "patient", "dataset", *columns, *[f"probability:{f}" for f in findings]])
        for row, (labels, row_scores) in enumerate(zip(truth, scores)):
            if exclusive:
                cells = [findings[labels]]
            else:
                cells = ["" if np.isnan(label) else str(int(label)) for label in labels]
            table.writerow([f"f{row}", f"p{row // 2}", "made", *cells, *[repr(float(p)) for p in row_scores]])


def curves(truth, scores):
    """Area metrics and whole curves; None where only one kind of film is there."""
    if truth.min() == truth.max():
        # scikit-learn warns and gives NaN or 0 here; ours says undefined, except AP of positives alone.
        ap = 1.0 if truth.min() == 1 else None
        return {"auc": None, "average_precision": ap, "roc": None, "pr": None}
    fpr, tpr, cuts = metrics.roc_curve(truth, scores, drop_intermediate=False)
    precision, recall, pr_cuts = metrics.precision_recall_curve(truth, scores)
    return {
        "auc": number(metrics.roc_auc_score(truth, scores)),
        "average_precision": number(metrics.average_precision_score(truth, scores)),
        "roc": [fpr.tolist(), tpr.tolist(), [None, *cuts[1:].tolist()]],
        # Without scikit-learn's closing point (recall 0, precision 1), recall rising.
        "pr": [recall[:-1][::-1].tolist(), precision[:-1][::-1].tolist(), pr_cuts[::-1].tolist()],
    }


def against_rest(truth, called, scores):
    tn, fp, fn, tp = (int(c) for c in metrics.confusion_matrix(truth, called, labels=[0, 1]).ravel())
    return {
        "counts": [tp, fp, fn, tn],
        "sensitivity": number(metrics.recall_score(truth, called, zero_division=np.nan)),
        "specificity": number(metrics.recall_score(truth, called, pos_label=0, zero_division=np.nan)),
        "precision": number(metrics.precision_score(truth, called, zero_division=np.nan)),
        "negative_predictive_value": number(
            metrics.precision_score(truth, called, pos_label=0, zero_division=np.nan)
        ),
        "f1": number(metrics.f1_score(truth, called, zero_division=np.nan)),
        # Written out: brier_score_loss and log_loss refuse a single kind of film.
        "brier": number(np.mean((scores - truth) ** 2)),
        "log_loss": number(metrics.log_loss(truth, scores, labels=[0, 1])),
        **curves(truth, scores),
    }


def mean(values):
    values = [value for value in values if value is not None]
    return float(np.mean(values)) if values else None


def exclusive(name, findings, truth, scores):
    scores = np.asarray(scores, dtype=float)
    truth = np.asarray(truth)
    save_table(name, findings, truth, scores, True)
    called = scores.argmax(axis=1)
    labels = list(range(len(findings)))
    each = [against_rest((truth == c).astype(int), (called == c).astype(int), scores[:, c]) for c in labels]
    one_hot = np.eye(len(findings))[truth]
    brier = float(np.mean(((scores - one_hot) ** 2).sum(axis=1)))
    if len(set(truth)) == len(findings) > 2:
        assert np.isclose(brier, metrics.brier_score_loss(truth, scores, labels=labels), atol=1e-14)
        ovr = metrics.roc_auc_score(truth, scores, multi_class="ovr", average="macro")
        assert np.isclose(ovr, mean([one["auc"] for one in each]), atol=1e-14)
    save(name, {
        "findings": findings,
        "confusion": metrics.confusion_matrix(truth, called, labels=labels).tolist(),
        "overall": {
            "accuracy": number(metrics.accuracy_score(truth, called)),
            "balanced_accuracy": number(metrics.balanced_accuracy_score(truth, called)),
            "macro_specificity": mean([one["specificity"] for one in each]),
            "macro_precision": number(metrics.precision_score(truth, called, average="macro", zero_division=0)),
            "macro_f1": number(metrics.f1_score(truth, called, average="macro", zero_division=0)),
            "macro_auc": mean([one["auc"] for one in each]),
            "macro_average_precision": mean([one["average_precision"] for one in each]),
            "kappa": number(metrics.cohen_kappa_score(truth, called)),
            "brier": brier,
            "log_loss": number(metrics.log_loss(truth, scores, labels=labels)),
        },
        "each": each,
    })


def independent(name, findings, truth, scores, thresholds):
    save_table(name, findings, truth, scores, False)
    each = []
    for finding, threshold in enumerate(thresholds):
        known = ~np.isnan(truth[:, finding])
        labels, some = truth[known, finding].astype(int), scores[known, finding]
        each.append(against_rest(labels, (some >= threshold).astype(int), some) if known.any() else None)
    known = [one for one in each if one]
    with_films = [one for one in known if one["counts"][0] + one["counts"][2] > 0]
    save(name, {
        "findings": findings,
        "thresholds": thresholds,
        "overall": {
            "accuracy": None,
            "balanced_accuracy": mean([one["sensitivity"] for one in known]),
            "macro_specificity": mean([one["specificity"] for one in known]),
            # Means over findings with films or calls, 0 where a finding is never called or has no film.
            "macro_precision": mean([one["precision"] or 0.0 for one in known if sum(one["counts"][:3])]),
            "macro_f1": mean([one["f1"] or 0.0 for one in known if sum(one["counts"][:3])]),
            "macro_auc": mean([one["auc"] for one in known]),
            "macro_average_precision": mean([one["average_precision"] for one in with_films]),
            "kappa": None,
            "brier": mean([one["brier"] for one in known]),
            "log_loss": mean([one["log_loss"] for one in known]),
        },
        "each": each,
    })


def tied_scores(random, truth, classes, grains, skill):
    """Multiples of 1/grains with the sum 1, leaning to the truth: many ties."""
    wish = np.full((len(truth), classes), 1.0)
    wish[np.arange(len(truth)), truth] += skill
    return np.array([random.multinomial(grains, row / row.sum()) for row in wish]) / grains


def distributions():
    pairs = [(0, 1), (1, 1), (0, 10), (3, 10), (10, 10), (118, 150), (149, 150), (150, 150), (1, 3000),
             (25000, 25596), (60361, 112120)]
    intervals = []
    for right, of in pairs:
        for level in [0.9, 0.95, 0.99]:
            found = stats.binomtest(right, of).proportion_ci(level, method="exact")
            intervals.append([right, of, level, float(found.low), float(found.high)])
    mpmath.mp.dps = 40
    beta = [[a, b, x, float(mpmath.betainc(a, b, 0, mpmath.mpf(x), regularized=True))]
            for a, b in [(0.5, 0.5), (0.5, 1.0), (1.0, 3.0), (2.5, 40.0), (119.0, 32.0), (900.0, 1100.0)]
            for x in [0.001, 0.1, 0.3, 0.5, 0.78, 0.97]]
    quantiles = [[a, b, p, float(stats.beta.ppf(p, a, b))]
                 for a, b in [(0.5, 1.0), (1.0, 1.0), (2.5, 40.0), (119.0, 32.0), (60361.0, 51759.0)]
                 for p in [0.001, 0.025, 0.5, 0.975, 0.999]]
    student = [[freedom, level, float(stats.t.ppf((1 + level) / 2, freedom))]
               for freedom in [1, 2, 3, 4, 9, 29, 200, 112119] for level in [0.5, 0.9, 0.95, 0.99]]
    mcnemar = [[b, c, float(stats.binomtest(b, b + c).pvalue) if b + c else 1.0]
               for b, c in [(0, 0), (0, 1), (5, 0), (3, 9), (7, 7), (12, 30), (400, 470), (1, 60), (4000, 4200)]]
    save("distributions", {"clopper_pearson": intervals, "beta": beta, "beta_quantile": quantiles,
                           "student_t": student, "mcnemar": mcnemar})


def posterior(counts, draws=2_000_000):
    """Mean and shortest 95 % interval of the Bayesian model, by other code than ours."""
    random = np.random.default_rng(5)
    counts = np.asarray(counts)
    prevalence = random.dirichlet(1 + counts.sum(axis=1), draws)
    theta = np.stack([random.dirichlet(1 + row, draws) for row in counts], axis=1)
    joint = prevalence[:, :, None] * theta
    hit = np.einsum("dii->di", joint)
    sensitivity, precision = hit / joint.sum(axis=2), hit / joint.sum(axis=1)
    specificity = 1 - (joint.sum(axis=1) - hit) / (1 - joint.sum(axis=2))
    found = {
        "accuracy": hit.sum(axis=1),
        "balanced_accuracy": sensitivity.mean(axis=1),
        "macro_specificity": specificity.mean(axis=1),
        "macro_precision": precision.mean(axis=1),
        "macro_f1": (2 * precision * sensitivity / (precision + sensitivity)).mean(axis=1),
    }
    out = {}
    for metric, values in found.items():
        ordered = np.sort(values)
        span = int(0.95 * draws)
        start = int(np.argmin(ordered[span:] - ordered[:-span]))
        out[metric] = [float(values.mean()), float(ordered[start]), float(ordered[start + span])]
    return {"counts": counts.tolist(), "expected": out}


def main():
    random = np.random.default_rng(20050157)
    three = ["COVID-19", "pneumonia", "normal"]

    truth = random.integers(0, 3, 120)
    exclusive("ties", three, truth, tied_scores(random, truth, 3, 10, 2.0))

    truth = random.integers(0, 4, 90)
    logits = random.normal(size=(90, 4)) + 1.2 * np.eye(4)[truth]
    smooth = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    exclusive("smooth", ["a", "b", "c, with a comma", "d"], truth, smooth)

    # No film is normal, and pneumonia is never called.
    truth = random.integers(0, 2, 40)
    scores = tied_scores(random, truth, 3, 20, 1.0)
    scores[:, 1] = np.minimum(scores[:, 1], scores[:, 0]) / 2
    scores /= scores.sum(axis=1, keepdims=True)
    exclusive("missing", three, truth, scores)

    truth = np.arange(30) % 3
    exclusive("perfect", three, truth, np.eye(3)[truth])

    truth = random.integers(0, 2, 60)
    exclusive("two", ["sick", "well"], truth, tied_scores(random, truth, 2, 8, 1.0))

    findings = ["often", "seldom", "never", "always", "unknown", "never called"]
    share = np.array([0.5, 0.08, 0.0, 1.0, 0.5, 0.3])
    labels = (random.random((150, 6)) < share).astype(float)
    scores = np.round(random.random((150, 6)) * 0.6 + 0.4 * labels * random.random((150, 6)), 2)
    labels[random.random((150, 6)) < 0.15] = np.nan
    labels[:, 4] = np.nan
    independent("labels", findings, labels, scores, [0.5, 0.35, 0.5, 0.5, 0.5, 1.0])

    distributions()
    save("posterior", {"cases": [
        posterior([[40, 6, 4], [5, 39, 6], [4, 7, 39]]),
        posterior([[37, 8, 5], [6, 37, 7], [5, 8, 37]]),
        posterior([[9, 1, 0], [10, 30, 20], [0, 0, 7]]),
        posterior([[50, 0, 0], [0, 50, 0], [0, 0, 50]]),
    ]})


if __name__ == "__main__":
    main()
