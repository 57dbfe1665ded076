-- How does a curve go over the seeds once runs are aligned at the step where they generalised?
-- :runs = []  the ids of the runs as a JSON array; [] for every run
-- :metric = test_accuracy  the curve
-- :setting = weight_decay  the hyperparameter whose values are kept apart
-- :threshold = 0.99  the test accuracy that has to be reached and kept for three evaluations
-- picture: band x=relative_step y=middle low=low high=high color=setting x-scale=log
-- title: :metric around generalisation, by :setting
-- x-axis: step / step of generalisation
-- y-axis: :metric
-- color-axis: :setting
--
-- Median and the 10 % and 90 % quantile over the runs that generalised, in 20 intervals a decade. Runs
-- of losses alone are aligned where `cairn analyze grokking` says that they did.
WITH losses_alone AS MATERIALIZED (
    SELECT run
    FROM metric_summaries
    WHERE name IN ('train_loss', 'test_loss')
        AND (json_array_length(:runs) = 0 OR run IN (SELECT value FROM json_each(:runs)))
    GROUP BY run
    HAVING count(*) = 2 AND run NOT IN (
        SELECT run FROM metric_summaries WHERE name = 'test_accuracy')
),
times AS (
    SELECT run, grok_step(step, value, :threshold) AS step
    FROM metrics
    WHERE name = 'test_accuracy'
        AND (json_array_length(:runs) = 0 OR run IN (SELECT value FROM json_each(:runs)))
    GROUP BY run
    UNION ALL
    SELECT l.run, g.generalisation_step
    FROM losses_alone AS l, grokking(l.run) AS g
    WHERE g.rule = 'sustained'
),
held AS (
    SELECT
        h.value AS setting, m.run, round(20 * log10(1.0 * m.step / t.step)) AS place,
        avg(m.value) AS value
    FROM times AS t
    JOIN metrics AS m ON m.run = t.run AND m.name = :metric AND m.step > 0
    LEFT JOIN hyperparameters AS h ON h.run = t.run AND h.name = :setting
    WHERE t.step > 0 AND m.value IS NOT NULL
    GROUP BY h.value, m.run, place
)
SELECT
    setting, pow(10, place / 20) AS relative_step, count(*) AS runs, quantile(value, 0.1) AS low,
    median(value) AS middle, quantile(value, 0.9) AS high
FROM held
GROUP BY setting, place
ORDER BY setting, place;
