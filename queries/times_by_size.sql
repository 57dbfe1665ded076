-- How do the times of memorising and of generalising depend on size, and where do they cross?
-- :threshold = 0.99  the accuracy that counts, kept for three evaluations
-- :sweep = *  the sweep whose runs count, or a pattern such as decay*; * for every run
-- picture: points x=parameters y=median_step low=median_low high=median_high color=what x-scale=log y-scale=log
-- title: Times of memorising and generalising by size
-- x-axis: parameters
-- y-axis: step (updates)
-- color-axis: time
--
-- Medians and their 95 % intervals are Kaplan and Meier's: runs that did not get there count as later
-- than their end. `exponent` is the slope of ln(step) against ln(parameters) over the runs that did,
-- with its 95 % bootstrap interval; `crossing` is the number of parameters at which the two fitted laws
-- give the same step. Runs of losses alone have the times that `cairn analyze grokking` gives them.
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
points AS (
    SELECT
        r.parameter_count AS parameters, w.what, t.last_step,
        iif(w.what = 'memorised', t.memorised, t.generalised) AS step
    FROM times AS t
    JOIN runs AS r USING (run)
    CROSS JOIN (SELECT 'memorised' AS what UNION ALL SELECT 'generalised') AS w
    WHERE r.parameter_count > 0
),
law AS (
    SELECT
        what, scaling_exponent(parameters, step) AS exponent,
        scaling_exponent(parameters, step, 0.025) AS low,
        scaling_exponent(parameters, step, 0.975) AS high,
        avg(ln(step)) - scaling_exponent(parameters, step) * avg(ln(parameters)) AS height
    FROM points
    WHERE step > 0
    GROUP BY what
),
crossing AS (
    SELECT
        exp((late.height - early.height) / nullif(early.exponent - late.exponent, 0))
            AS parameters
    FROM law AS early, law AS late
    WHERE early.what = 'memorised' AND late.what = 'generalised'
)
SELECT
    p.parameters, p.what, count(*) AS runs, count(p.step) AS reached,
    survival_median(p.step, p.last_step) AS median_step,
    survival_low(p.step, p.last_step) AS median_low,
    survival_high(p.step, p.last_step) AS median_high,
    l.exponent, l.low AS exponent_low, l.high AS exponent_high,
    (SELECT parameters FROM crossing) AS crossing
FROM points AS p
LEFT JOIN law AS l USING (what)
GROUP BY p.parameters, p.what
ORDER BY p.parameters, p.what DESC;
