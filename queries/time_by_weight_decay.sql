-- How does the time to generalise depend on weight decay?
-- :metric = test_accuracy  the curve that has to rise, or to fall where its name ends in loss
-- :threshold = 0.99  what it has to reach and keep for three evaluations; below it for a loss
-- :sweep = *  the sweep whose runs count, or a pattern such as decay*; * for every run
-- picture: points x=weight_decay y=median_step low=median_low high=median_high x-scale=log y-scale=log
-- title: Median step of generalisation by weight decay
-- x-axis: weight decay
-- y-axis: step (updates)
--
-- `median_step` and its 95 % interval are Kaplan and Meier's: runs that did not get there count as
-- later than their end. `exponent` is the slope of ln(step) against ln(weight_decay) over the runs
-- that did, with its 95 % bootstrap interval.
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
    SELECT h.value AS weight_decay, t.step, t.last_step
    FROM times AS t
    JOIN hyperparameters AS h ON h.run = t.run AND h.name = 'weight_decay'
),
fit AS (
    SELECT
        scaling_exponent(weight_decay, step) AS exponent,
        scaling_exponent(weight_decay, step, 0.025) AS exponent_low,
        scaling_exponent(weight_decay, step, 0.975) AS exponent_high
    FROM points
)
SELECT
    p.weight_decay, count(*) AS runs, count(p.step) AS generalised, min(p.step) AS fastest_step,
    survival_median(p.step, p.last_step) AS median_step,
    survival_low(p.step, p.last_step) AS median_low,
    survival_high(p.step, p.last_step) AS median_high, max(p.step) AS slowest_step, fit.exponent,
    fit.exponent_low, fit.exponent_high
FROM points AS p, fit
GROUP BY p.weight_decay
ORDER BY p.weight_decay;
