"""Milliseconds of one logistic fit of a 1,000-point curve by SciPy.

usage: time_logistic_fits.py [REPETITIONS]                                         (numpy, scipy)

A curve like that of `cairn bench analyze`: a logistic rise in log10(step + 1) with small noise.
`plain` is curve_fit from one start with its defaults; `same` solves Cairn's problem, weighted, robust
and bounded, from one start, to the tolerances of make_logistic_fits.py.
"""
import sys, time
import numpy as np
from scipy.optimize import curve_fit


def logistic(x, c, d, k, t):
    return c + (d - c) / (1 + np.exp(-k * (x - t)))


def jacobian(x, c, d, k, t):
    s = 1 / (1 + np.exp(-k * (x - t)))
    slope = (d - c) * s * (1 - s)
    return np.stack([1 - s, s, slope * (x - t), -slope * k], 1)


repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 100
random = np.random.RandomState(0)
steps = np.arange(1000) * 10
x = np.log10(steps + 1)
y = np.clip(logistic(x, 0.01, 0.995, 12.0, 3.3) + 0.005 * random.randn(1000), 0, 1)
start = [0.01, 0.99, 5, x[np.argmax(y >= 0.5)]]
gaps = np.gradient(x)
span = x[-1] - x[0]
bounds = ([0, 0, 1e-3 / span, x[0] - span], [0.11, 1, 1e5 / span, x[-1] + span])
same = dict(sigma=1 / np.sqrt(gaps / gaps.mean()), jac=jacobian, bounds=bounds, method="trf",
            loss="soft_l1", f_scale=0.1, ftol=1e-15, xtol=1e-15, gtol=1e-15, max_nfev=5000)
for name, options in [("plain", {}), ("same", same)]:
    times = []
    for _ in range(repetitions):
        began = time.perf_counter()
        parameters, _ = curve_fit(logistic, x, y, p0=start, **options)
        times.append(time.perf_counter() - began)
    print(f"{name} {1e3 * np.median(times):.3f} ms a fit, midpoint {10 ** parameters[3] - 1:.1f}")
