-- Which runs learned their training data and never generalised, and with which settings?
-- :threshold = 0.99  the accuracy that counts
-- :sweep = *  the sweep whose runs count, or a pattern such as decay*; * for every run
--
-- Runs of losses alone have the times that `cairn analyze grokking` gives them.
WITH losses_alone AS MATERIALIZED (
    SELECT s.run, max(s.last_step) AS last_step
    FROM metric_summaries AS s
    WHERE s.name IN ('train_loss', 'test_loss')
        AND (:sweep = '*' OR s.run IN (
            SELECT run FROM hyperparameters WHERE name = 'sweep' AND value GLOB :sweep))
    GROUP BY s.run
    HAVING count(*) = 2 AND s.run NOT IN (
        SELECT run FROM metric_summaries WHERE name = 'test_accuracy')
),
times AS (
    SELECT
        m.run,
        grok_step(m.step, m.value, :threshold) FILTER (WHERE m.name = 'train_accuracy')
            AS memorised,
        grok_step(m.step, m.value, :threshold) FILTER (WHERE m.name = 'test_accuracy')
            AS generalised
    FROM metrics AS m
    WHERE m.name IN ('train_accuracy', 'test_accuracy')
        AND (:sweep = '*' OR m.run IN (
            SELECT run FROM hyperparameters WHERE name = 'sweep' AND value GLOB :sweep))
    GROUP BY m.run
    UNION ALL
    SELECT l.run, g.memorisation_step, g.generalisation_step
    FROM losses_alone AS l, grokking(l.run) AS g
    WHERE g.rule = 'sustained'
)
SELECT
    r.name, t.run, r.task, t.memorised AS memorisation_step, r.last_step,
    (SELECT s.last_value FROM metric_summaries AS s
        WHERE s.run = t.run AND s.name = 'test_accuracy') AS last_test_accuracy,
    (SELECT json_group_object(h.name, h.value) FROM hyperparameters AS h WHERE h.run = t.run)
        AS settings
FROM times AS t
JOIN runs AS r USING (run)
WHERE t.memorised IS NOT NULL AND t.generalised IS NULL
ORDER BY r.name, t.run;
