-- How does the gap between memorising and generalising depend on the number of parameters?
-- :threshold = 0.99  the accuracy that counts, kept for three evaluations
-- :sweep = *  the sweep whose runs count, or a pattern such as decay*; * for every run
--
-- `exponent` is the slope of ln(gap) against ln(parameters) over the runs with a gap, with its 95 %
-- bootstrap interval. Runs that memorised only count as gaps longer than the run. Runs of losses alone
-- have the times that `cairn analyze grokking` gives them.
-- Tasks are kept apart. A run that ends at the same step with the weights of another is that run again:
-- the one that began first counts, and `copies` says how many were left out.
WITH chosen AS (
    SELECT
        r.run, r.task, row_number() OVER same AS copy,
        count(*) OVER (PARTITION BY iif(r.last_step > 0, ifnull(c.digest, r.run), r.run)) - 1
            AS copies
    FROM runs AS r
    LEFT JOIN checkpoints AS c ON c.run = r.run AND c.step = r.last_step
    WHERE :sweep = '*' OR r.run IN (
        SELECT run FROM hyperparameters WHERE name = 'sweep' AND value GLOB :sweep)
    WINDOW same AS (
        PARTITION BY iif(r.last_step > 0, ifnull(c.digest, r.run), r.run)
        ORDER BY r.created_at, r.run)
),
losses_alone AS MATERIALIZED (
    SELECT c.run, c.task, c.copies, max(s.last_step) AS last_step
    FROM chosen AS c
    JOIN metric_summaries AS s ON s.run = c.run AND s.name IN ('train_loss', 'test_loss')
    WHERE c.copy = 1
    GROUP BY c.run
    HAVING count(*) = 2 AND c.run NOT IN (
        SELECT run FROM metric_summaries WHERE name = 'test_accuracy')
),
times AS (
    SELECT
        m.run, c.task, c.copies, max(m.step) AS last_step,
        grok_step(m.step, m.value, :threshold) FILTER (WHERE m.name = 'train_accuracy')
            AS memorised,
        grok_step(m.step, m.value, :threshold) FILTER (WHERE m.name = 'test_accuracy')
            AS generalised
    FROM chosen AS c
    JOIN metrics AS m ON m.run = c.run AND m.name IN ('train_accuracy', 'test_accuracy')
    WHERE c.copy = 1
    GROUP BY m.run
    UNION ALL
    SELECT l.run, l.task, l.copies, l.last_step, g.memorisation_step, g.generalisation_step
    FROM losses_alone AS l, grokking(l.run) AS g
    WHERE g.rule = 'sustained'
),
gaps AS (
    SELECT
        t.task, t.copies, r.parameter_count AS parameters, t.generalised - t.memorised AS gap,
        t.last_step - t.memorised AS longest
    FROM times AS t
    JOIN runs AS r USING (run)
    WHERE t.memorised IS NOT NULL
),
fit AS (
    SELECT
        task, scaling_exponent(parameters, gap) AS exponent,
        scaling_exponent(parameters, gap, 0.025) AS exponent_low,
        scaling_exponent(parameters, gap, 0.975) AS exponent_high
    FROM gaps
    GROUP BY task
)
SELECT
    g.task, g.parameters, count(*) AS runs, count(g.gap) AS generalised,
    survival_median(g.gap, g.longest) AS median_gap, survival_low(g.gap, g.longest) AS median_low,
    survival_high(g.gap, g.longest) AS median_high, fit.exponent, fit.exponent_low,
    fit.exponent_high, sum(g.copies) AS copies
FROM gaps AS g
JOIN fit USING (task)
GROUP BY g.task, g.parameters
ORDER BY g.task, g.parameters;
