-- What share of the runs generalised at each value of a setting, with a 95 % interval?
-- :setting = weight_decay  the hyperparameter to group by
-- :metric = test_accuracy  the curve that has to rise, or to fall where its name ends in loss
-- :threshold = 0.99  what it has to reach and keep for three evaluations; below it for a loss
-- :sweep = *  the sweep whose runs count, or a pattern such as decay*; * for every run
-- picture: points x=value y=share low=low high=high y-range=0..1
-- title: Share of runs that generalise, by :setting
-- x-axis: :setting
-- y-axis: share of runs
--
-- The interval is Wilson's.
WITH times AS (
    SELECT m.run, iif(:metric LIKE '%loss', fall_step(m.step, m.value, :threshold),
        grok_step(m.step, m.value, :threshold)) AS step
    FROM metrics AS m
    WHERE m.name = :metric
        AND (:sweep = '*' OR m.run IN (
            SELECT run FROM hyperparameters WHERE name = 'sweep' AND value GLOB :sweep))
    GROUP BY m.run
),
counts AS (
    SELECT h.value AS value, count(*) AS n, count(t.step) AS hits
    FROM times AS t
    JOIN hyperparameters AS h ON h.run = t.run AND h.name = :setting
    GROUP BY h.value
)
SELECT
    value, n AS runs, 1.0 * hits / n AS share, wilson_low(hits, n) AS low,
    wilson_high(hits, n) AS high
FROM counts
ORDER BY value;
