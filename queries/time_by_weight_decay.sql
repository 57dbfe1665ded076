-- How does the time to generalise depend on weight decay?
-- :metric = test_accuracy  the curve that has to rise
-- :threshold = 0.99  what it has to reach and keep for three evaluations
--
-- `exponent` is the slope of ln(step) against ln(weight_decay) over the runs that got there; runs
-- that did not are counted in `runs` and left out of the quantiles.
WITH times AS (
    SELECT m.run, grok_step(m.step, m.value, :threshold) AS step
    FROM metrics AS m
    WHERE m.name = :metric
    GROUP BY m.run
),
points AS (
    SELECT h.value AS weight_decay, t.step
    FROM times AS t
    JOIN hyperparameters AS h ON h.run = t.run AND h.name = 'weight_decay'
),
logs AS (
    SELECT ln(weight_decay) AS x, ln(step) AS y FROM points WHERE weight_decay > 0 AND step > 0
),
fit AS (
    SELECT
        (count(*) * sum(x * y) - sum(x) * sum(y))
        / nullif(count(*) * sum(x * x) - sum(x) * sum(x), 0) AS exponent
    FROM logs
)
SELECT
    p.weight_decay, count(*) AS runs, count(p.step) AS generalised, min(p.step) AS fastest_step,
    median(p.step) AS median_step, max(p.step) AS slowest_step, fit.exponent
FROM points AS p, fit
GROUP BY p.weight_decay
ORDER BY p.weight_decay;
