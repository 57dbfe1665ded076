-- How many steps to 99 % does each fraction of training data take, with bands over seeds?
-- :metric = test_accuracy  the curve that has to rise
-- :threshold = 0.99  what it has to reach and keep for three evaluations
--
-- The band is the 10 % and 90 % quantile of the runs that got there.
WITH times AS (
    SELECT m.run, grok_step(m.step, m.value, :threshold) AS step
    FROM metrics AS m
    WHERE m.name = :metric
    GROUP BY m.run
)
SELECT
    h.value AS train_fraction, count(*) AS runs, count(t.step) AS generalised,
    quantile(t.step, 0.1) AS low_step, median(t.step) AS median_step,
    quantile(t.step, 0.9) AS high_step
FROM times AS t
JOIN hyperparameters AS h ON h.run = t.run AND h.name = 'train_fraction'
GROUP BY h.value
ORDER BY h.value;
