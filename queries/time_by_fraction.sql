-- How many steps to 99 % does each fraction of training data take, with bands over seeds?
-- :metric = test_accuracy  the curve that has to rise, or to fall where its name ends in loss
-- :threshold = 0.99  what it has to reach and keep for three evaluations; below it for a loss
-- :sweep = *  the sweep whose runs count, or a pattern such as decay*; * for every run
-- picture: points x=train_fraction y=median_step low=low_step high=high_step y-scale=log
-- title: Median step of generalisation by training fraction
-- x-axis: training fraction
-- y-axis: step (updates)
--
-- The band is the 10 % and 90 % quantile of the runs that got there; `median_step` is Kaplan and
-- Meier's, for which runs that did not count as later than their end. `critical_fraction` is where
-- the fitted law step = c · (fraction − critical_fraction)^exponent diverges, with its 95 %
-- bootstrap interval; it needs four different fractions.
WITH times AS (
    SELECT m.run, iif(:metric LIKE '%loss', fall_step(m.step, m.value, :threshold),
        grok_step(m.step, m.value, :threshold)) AS step, max(m.step) AS last_step
    FROM metrics AS m
    WHERE m.name = :metric
        AND (:sweep = '*' OR m.run IN (
            SELECT run FROM hyperparameters WHERE name = 'sweep' AND value GLOB :sweep))
    GROUP BY m.run
),
points AS (
    SELECT h.value AS fraction, t.step, t.last_step
    FROM times AS t
    JOIN hyperparameters AS h ON h.run = t.run AND h.name = 'train_fraction'
),
fit AS (
    SELECT
        critical_point(fraction, step) AS critical_fraction,
        critical_point(fraction, step, 0.025) AS critical_low,
        critical_point(fraction, step, 0.975) AS critical_high,
        critical_exponent(fraction, step) AS exponent
    FROM points
)
SELECT
    p.fraction AS train_fraction, count(*) AS runs, count(p.step) AS generalised,
    quantile(p.step, 0.1) AS low_step, survival_median(p.step, p.last_step) AS median_step,
    quantile(p.step, 0.9) AS high_step, fit.critical_fraction, fit.critical_low,
    fit.critical_high, fit.exponent
FROM points AS p, fit
GROUP BY p.fraction
ORDER BY p.fraction;
