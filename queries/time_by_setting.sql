-- How many steps does generalisation take at each value of a setting, run by run, with the law?
-- :runs = []  the ids of the runs as a JSON array; [] for every run
-- :setting = train_fraction  the hyperparameter, a number above 0
-- :metric = test_accuracy  the curve that has to rise, or to fall where its name ends in loss
-- :threshold = 0.99  what it has to reach and keep for three evaluations; below it for a loss
-- picture: points x=x y=step low=low high=high color=what mark=mark open=censored x-scale=log y-scale=log names=legend
-- title: Steps to generalisation by :setting
-- x-axis: :setting
-- y-axis: step (updates)
--
-- Hollow points are runs that had not got there by their last step. The line is step = c · xᵃ by
-- least squares in logarithms over the runs that did, the band its 95 % bootstrap interval of the
-- exponent around the middle of the data; both need three different values.
WITH times AS (
    SELECT m.run, iif(:metric LIKE '%loss', fall_step(m.step, m.value, :threshold),
        grok_step(m.step, m.value, :threshold)) AS step, max(m.step) AS last_step
    FROM metrics AS m
    WHERE m.name = :metric
        AND (json_array_length(:runs) = 0 OR m.run IN (SELECT value FROM json_each(:runs)))
    GROUP BY m.run
),
points AS (
    SELECT t.run, h.value AS x, t.step, t.last_step
    FROM times AS t
    JOIN hyperparameters AS h ON h.run = t.run AND h.name = :setting AND h.value > 0
),
law AS (
    SELECT
        scaling_exponent(x, step) AS exponent, scaling_exponent(x, step, 0.025) AS low,
        scaling_exponent(x, step, 0.975) AS high, avg(ln(x)) AS x, avg(ln(step)) AS step,
        min(x) AS first, max(x) AS last
    FROM points
    WHERE step > 0
),
place (part) AS (
    SELECT 0 UNION ALL SELECT part + 1 FROM place WHERE part < 60
),
line AS (
    SELECT
        exp(ln(first) + part / 60.0 * (ln(last) - ln(first))) AS x, exponent, low, high,
        ln(first) + part / 60.0 * (ln(last) - ln(first)) - x AS away, step
    FROM law, place
    WHERE exponent IS NOT NULL
)
SELECT
    'points' AS mark, iif(step IS NULL, 'not yet at its last step', 'run') AS what, run, x,
    ifnull(step, last_step) AS step, NULL AS low, NULL AS high, step IS NULL AS censored
FROM points
UNION ALL
SELECT
    'band', 'step ∝ x^' || round(exponent, 2) || ' (' || round(low, 2) || ' to '
        || round(high, 2) || ')', NULL, x, exp(step + exponent * away),
    exp(step + min(low * away, high * away)), exp(step + max(low * away, high * away)), NULL
FROM line
UNION ALL
SELECT
    'points', 'median (Kaplan and Meier)', NULL, x, survival_median(step, last_step),
    survival_low(step, last_step), survival_high(step, last_step), 0
FROM points
GROUP BY x
HAVING count(*) > 1
ORDER BY 1, 2 DESC, 4, 3;
