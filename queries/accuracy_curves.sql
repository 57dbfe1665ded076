-- How did the accuracies of runs rise, and when did each run memorise and generalise?
-- :runs = []  the ids of the runs as a JSON array; [] for every run
-- picture: line x=step y=value low=low high=high color=curve facet=run label=label mark=mark x-scale=log-step y-range=..1.04
-- title: Accuracy over steps
-- x-axis: step (updates)
-- y-axis: accuracy
--
-- Dashed is the sigmoid that was fitted to the test accuracy, shaded the 95 % interval of its
-- midpoint. Memorised and generalised are the first of three evaluations in a row at 0.99 or more
-- on training and test pairs. Both are there after `cairn analyze grokking`.
WITH chosen AS (
    SELECT
        run, last_step,
        iif(count(*) OVER (PARTITION BY name) > 1, name || ' ' || substr(run, 1, 8), name) AS name
    FROM runs
    WHERE json_array_length(:runs) = 0 OR run IN (SELECT value FROM json_each(:runs))
),
times AS (
    SELECT c.name AS label, c.last_step, g.*
    FROM grokking_times AS g
    JOIN chosen AS c USING (run)
    WHERE g.metric = 'test_accuracy' AND g.threshold = 0.99 AND g.rule = 'sustained'
        AND g.source = 'computed'
),
place (number) AS (
    SELECT 0 UNION ALL SELECT number + 1 FROM place WHERE number < 160
),
fitted AS (
    SELECT
        t.*, pow(10, p.number / 160.0 * log10(t.last_step + 1)) - 1 AS step
    FROM times AS t, place AS p
    WHERE t.midpoint_step IS NOT NULL
)
SELECT
    c.name AS run, 'line' AS mark, replace(m.name, '_accuracy', '') AS curve, m.step, m.value,
    NULL AS low, NULL AS high, NULL AS label,
    iif(m.name = 'train_accuracy', 1, 2) AS part
FROM chosen AS c
JOIN metrics AS m ON m.run = c.run AND m.name IN ('train_accuracy', 'test_accuracy')
UNION ALL
SELECT
    label, 'dashed', 'sigmoid fit', step,
    lower_plateau + (upper_plateau - lower_plateau) / (1 + exp(min(700, -ln(81) * CASE time_scale
        WHEN 'linear' THEN (step - midpoint_step) / (step_90 - step_10)
        ELSE log10((step + 1) / (midpoint_step + 1)) / log10((step_90 + 1) / (step_10 + 1)) END))),
    NULL, NULL, NULL, 3
FROM fitted
UNION ALL
SELECT label, 'span', NULL, NULL, NULL, midpoint_low, midpoint_high, NULL, 4
FROM times
WHERE midpoint_low IS NOT NULL
UNION ALL
SELECT label, 'rule', NULL, memorisation_step, NULL, NULL, NULL, 'memorised', 5
FROM times
WHERE memorisation_step IS NOT NULL
UNION ALL
SELECT label, 'rule', NULL, generalisation_step, NULL, NULL, NULL, 'generalised', 6
FROM times
WHERE generalisation_step IS NOT NULL
ORDER BY run, part, step;
