"""Coverage of the midpoint's 95 % interval by another implementation of the same method.

python3 interval_coverage.py prints, for each setting of FitIntervalTests, the share of 250 curves whose
interval holds the true midpoint. Needs NumPy and SciPy; a minute.
"""
import numpy as np
from scipy import stats
from scipy.optimize import brentq, least_squares

SHARES = [0, 0.5, 0.9, 0.97, 0.99, 0.997, 1]
CORRELATIONS = [-0.5, -0.4, -0.3, -0.2, -0.1] + [i / 10 for i in range(10)] + [0.95]
SETTINGS = [
    (1, 60, "binomial", 500, 0), (0, 200, "constant", 0.02, 0.8),
    (1, 300, "binomial", 6586, 0), (0, 500, "constant", 0.02, 0),
    (1, 120, "constant", 0.02, 0.8), (0, 100, "binomial", 2000, 0.8),
    (1, 30, "binomial", 500, 0), (0, 50, "constant", 0.02, 0),
]
OTHERS = [
    (1, 40, "constant", 0.02, 0), (0, 80, "constant", 0.01, 0), (0, 60, "binomial", 500, 0),
    (0, 300, "binomial", 1000, 0.5), (1, 100, "constant", 0.02, 0.5),
    (1, 200, "binomial", 1000, 0.8), (0, 120, "constant", 0.02, 0.3),
    (1, 60, "constant", 0.03, 0),
]


def curve(is_log, count, kind, size, rho, rng):
    if is_log:
        steps = np.unique(np.rint(10 ** (5 * np.arange(count) / (count - 1))).astype(int))
        x, truth = np.log10(steps + 1.0), 3.5
        share = 0.02 + 0.95 / (1 + np.exp(-8 * (x - truth)))
    else:
        steps = np.arange(count) * (20_000 // count)
        x, truth = steps.astype(float), 6000.0
        share = 0.08 + 0.82 / (1 + np.exp(-(x - truth) / (900 if count < 100 else 300)))
    noise = rng.standard_normal(len(x))
    for i in range(1, len(x)):
        noise[i] = rho * noise[i - 1] + np.sqrt(1 - rho * rho) * noise[i]
    if kind == "constant":
        y = share + size * noise
    elif rho == 0:
        y = rng.binomial(size, share) / size
    else:
        y = share + np.sqrt(share * (1 - share) / size) * noise
    return x, y, truth, np.log10(steps + 1.0)


def fit(x, y, position):
    place = np.arange(len(x))
    gap = position[np.minimum(place + 1, len(x) - 1)] - position[np.maximum(place - 1, 0)]
    weight = gap / gap.mean()
    scale, middle = x.std(), x.mean()
    z = (x - middle) / scale
    low = float(np.clip(np.quantile(y, 0.1), 1e-6, 0.99))
    high = float(np.clip(np.quantile(y, 0.98), low + 1e-3, 0.999))

    def miss(p):
        rise = 1 / (1 + np.exp(-np.clip(p[2] * (z - p[3]), -500, 500)))
        return np.sqrt(weight) * (p[0] + (p[1] - p[0]) * rise - y)

    start = z[np.argmax(y >= (low + high) / 2)]
    found = [
        least_squares(
            miss, [low, high, k, start], bounds=([0, 0, 1e-3, -5], [1.0000001, 1.0000001, 1e5, 5]),
            loss="soft_l1", f_scale=0.1, max_nfev=60)
        for k in (4.0, 15.0)
    ]
    p = min(found, key=lambda f: f.cost).x
    return np.array([p[0], p[1], p[2] / scale, p[3] * scale + middle]), weight


def half_width(x, y, weight, p):
    low, high, k, t = p
    share = 1 / (1 + np.exp(-np.clip(k * (x - t), -500, 500)))
    rise = (high - low) * share * (1 - share)
    slopes = np.stack([1 - share, share, rise * (x - t), -rise * k], 1)
    value = low + (high - low) * share
    residual = y - value
    free = ([0] if low > 1e-6 else []) + ([1] if high < 1 - 1e-6 else []) + [2, 3]
    slopes = slopes[:, free]
    robust = weight / np.sqrt(1 + weight * residual**2 / 0.01)
    influence = np.linalg.solve(
        (slopes * robust[:, None]).T @ slopes, np.eye(len(free))[-1]) @ slopes.T * robust
    binomial = 4 * np.maximum(value * (1 - value), 2.5e-5)
    n, freedom = len(x), len(x) - len(free)
    rows = []
    for mixture in SHARES:
        deviation = np.sqrt((1 - mixture) + mixture * binomial)
        s, r, h = slopes / deviation[:, None], residual / deviation, influence * deviation
        lags = np.array([
            (h[: n - lag] * h[lag:]).sum() * (2 if lag else 1) for lag in range(min(n, 200))])
        for rho in CORRELATIONS:
            q = np.sqrt(1 - rho * rho)
            sw, rw = s.copy(), r.copy()
            sw[1:], rw[1:] = (s[1:] - rho * s[:-1]) / q, (r[1:] - rho * r[:-1]) / q
            gram, along = sw.T @ sw, sw.T @ rw
            variance = max(rw @ rw - along @ np.linalg.solve(gram, along), 1e-300) / freedom
            deviance = (
                freedom * np.log(variance) + 2 * np.log(deviation).sum() + 2 * (n - 1) * np.log(q)
                + np.linalg.slogdet(gram)[1] - (2 * np.log(8) if mixture == 0 else 0))
            error = np.sqrt(max(0, (lags * rho ** np.arange(len(lags))).sum()) * variance)
            rows.append((deviance, error))
    rows = np.array(rows)
    mass = np.exp(-0.5 * (rows[:, 0] - rows[:, 0].min()))
    kept = mass > 1e-6
    mass, error = mass[kept] / mass[kept].sum(), rows[kept, 1]
    return brentq(
        lambda d: (mass * stats.t.sf(d / error, freedom)).sum() - 0.025, 1e-12 * error.max(),
        200 * error.max())


for offset, settings in ((0, SETTINGS), (50, OTHERS)):
    for place, setting in enumerate(settings):
        hits = 0
        for seed in range(250):
            rng = np.random.default_rng(seed * 100 + place + offset)
            x, y, truth, position = curve(*setting, rng)
            p, weight = fit(x, y, position)
            hits += abs(p[3] - truth) <= half_width(x, y, weight, p)
        print(setting, hits / 250, flush=True)
