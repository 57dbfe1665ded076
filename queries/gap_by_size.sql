-- How does the gap between memorising and generalising depend on the number of parameters?
-- :threshold = 0.99  the accuracy that counts, kept for three evaluations
-- :sweep = *  the sweep whose runs count, or a pattern such as decay*; * for every run
--
-- `exponent` is the slope of ln(gap) against ln(parameters) over the runs with a gap, with its 95 %
-- bootstrap interval. Runs that memorised only count as gaps longer than the run. Runs of losses alone
-- have the times that `cairn analyze grokking` gives them.
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
        m.run, max(m.step) AS last_step,
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
    SELECT l.run, l.last_step, g.memorisation_step, g.generalisation_step
    FROM losses_alone AS l, grokking(l.run) AS g
    WHERE g.rule = 'sustained'
),
gaps AS (
    SELECT
        r.parameter_count AS parameters, t.generalised - t.memorised AS gap,
        t.last_step - t.memorised AS longest
    FROM times AS t
    JOIN runs AS r USING (run)
    WHERE t.memorised IS NOT NULL
),
fit AS (
    SELECT
        scaling_exponent(parameters, gap) AS exponent,
        scaling_exponent(parameters, gap, 0.025) AS exponent_low,
        scaling_exponent(parameters, gap, 0.975) AS exponent_high
    FROM gaps
)
SELECT
    g.parameters, count(*) AS runs, count(g.gap) AS generalised,
    survival_median(g.gap, g.longest) AS median_gap, survival_low(g.gap, g.longest) AS median_low,
    survival_high(g.gap, g.longest) AS median_high, fit.exponent, fit.exponent_low,
    fit.exponent_high
FROM gaps AS g, fit
GROUP BY g.parameters
ORDER BY g.parameters;
