"""Fits of the four-parameter logistic with SciPy, for comparison with Cairn's.

usage: make_logistic_fits.py REFERENCE_DATA > logistic_fits.json     (numpy, scipy)

Same abscissa, weights, robust loss and bounds as Curve.transitionProblem: x = log10(step + 1),
weights half the gap in x scaled to mean 1, soft_l1 with f_scale 0.1, 0 <= c <= chance + 0.1,
0 <= d <= 1, k > 0. The best of several starts. Synthetic curves are stored with their points; of
the published curves only the fitted numbers are stored.
"""
import csv, json, os, sys
import numpy as np
from scipy.optimize import curve_fit, least_squares


def logistic(x, c, d, k, t):
    return c + (d - c) / (1 + np.exp(-k * (x - t)))


def jacobian(x, c, d, k, t):
    s = 1 / (1 + np.exp(-k * (x - t)))
    slope = (d - c) * s * (1 - s)
    return np.stack([1 - s, s, slope * (x - t), -slope * k], 1)


def fit(steps, y, chance):
    x = np.log10(np.asarray(steps, float) + 1)
    y = np.asarray(y, float)
    n = len(x)
    gaps = np.array([0.5 * (x[min(i + 1, n - 1)] - x[max(i - 1, 0)]) for i in range(n)])
    weights = gaps / gaps.mean()
    span = x[-1] - x[0]
    low = [0, 0, 1e-3 / span, x[0] - span]
    high = [chance + 0.1, 1, 1e5 / span, x[-1] + span]
    best = None
    middle = x[np.argmax(y >= 0.5 * (y.min() + y.max()))]
    for t0 in (middle, x[0] + 0.5 * span, x[0] + 0.75 * span):
        for k0 in (2 / span, 10 / span, 50 / span, 200 / span):
            start = [min(max(y.min(), 1e-6), chance + 0.09), min(y.max(), 1 - 1e-6), k0, t0]
            try:
                p, _ = curve_fit(logistic, x, y, p0=start, sigma=1 / np.sqrt(weights), jac=jacobian,
                                 bounds=(low, high), method="trf", loss="soft_l1", f_scale=0.1,
                                 ftol=1e-15, xtol=1e-15, gtol=1e-15, max_nfev=5000)
            except RuntimeError:
                continue
            z = weights * (logistic(x, *p) - y) ** 2 / 0.01
            cost = 0.5 * 0.01 * np.sum(2 * (np.sqrt(1 + z) - 1))
            if best is None or cost < best[0]:
                best = (cost, p)
    cost, p = best
    return dict(chance=chance, cost=float(cost), fit=[float(v) for v in p])


curves = []
generator = np.random.default_rng(7)
for index in range(18):
    n = [24, 40, 60, 90, 120, 160][index % 6]
    end = 10 ** generator.uniform(3.5, 5.2)
    steps = np.unique(np.round(10 ** np.linspace(0, np.log10(end), n)).astype(int))
    if index % 3 == 2:
        steps = np.unique(np.linspace(0, end, n).astype(int))
    chance = float(generator.choice([1 / 113, 1 / 59, 1 / 120, 0.1]))
    top = float(generator.choice([0.999, 0.97, 0.85]))
    width = generator.uniform(0.15, 1.0)
    t0 = np.log10(end) * generator.uniform(0.55, 0.9)
    x = np.log10(steps + 1)
    clean = logistic(x, chance, top, np.log(81) / width, t0)
    noise = generator.choice([0, 0.003, 0.02]) * generator.standard_normal(len(x))
    y = clean + noise
    if index % 4 == 3:  # an outlier, as a slingshot makes
        y[len(y) * 9 // 10] -= 0.4
    y = np.round(np.clip(y, 0, 1), 5)
    curves.append(dict(name=f"synthetic {index}", steps=[int(s) for s in steps],
                       values=[float(v) for v in y], **fit(steps, y, chance)))

folder = sys.argv[1]
for run, chance in (("S5_MLP_seed2", 1 / 120), ("D59_MLP_seed1", 1 / 118), ("A5_MLP_seed2", 1 / 60)):
    with open(os.path.join(folder, "rep", run, "metrics.csv")) as file:
        rows = sorted(((int(float(r["epoch"])), r) for r in csv.DictReader(file)), key=lambda v: v[0])
    for column in ("train_acc", "test_acc"):
        unique = {}
        for step, row in rows:
            unique[step] = float(row[column])
        steps = sorted(unique)
        curves.append(dict(name=f"{run} {column}", run=run, column=column,
                           **fit(steps, [unique[s] for s in steps], chance)))
json.dump(curves, sys.stdout, indent=None, separators=(",", ":"))
