"""Milliseconds of one logistic fit of a 1,000-point curve by SciPy's curve_fit.

usage: time_logistic_fits.py [REPETITIONS]                                         (numpy, scipy)

The curve of `cairn bench analyze`: a logistic rise in log10(step + 1) with small noise. One start,
default tolerances, no robust loss: the least that a user of SciPy runs for a midpoint.
"""
import sys, time
import numpy as np
from scipy.optimize import curve_fit

repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 100
random = np.random.RandomState(0)
steps = np.arange(1000) * 10
x = np.log10(steps + 1)
logistic = lambda x, c, d, k, t: c + (d - c) / (1 + np.exp(-k * (x - t)))
y = logistic(x, 0.01, 0.995, 12.0, 3.3) + 0.005 * random.randn(1000)
times = []
for _ in range(repetitions):
    began = time.perf_counter()
    parameters, _ = curve_fit(logistic, x, y, p0=[0, 1, 5, x[np.argmax(y >= 0.5)]])
    times.append(time.perf_counter() - began)
print(f"curve_fit {1e3 * np.median(times):.3f} ms a fit, midpoint {10 ** parameters[3] - 1:.1f}")
