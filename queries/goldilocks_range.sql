-- At which training fractions does generalisation come late, rather than never or at once?
-- :threshold = 0.99  the accuracy that counts, kept for three evaluations
-- :ratio = 10  how many times as long as memorising generalising takes at least
-- :sweep = *  the sweep whose runs count, or a pattern such as decay*; * for every run
-- picture: points x=train_fraction y=share_delayed low=delayed_low high=delayed_high y-range=0..1
-- title: Share of runs that generalise late, by training fraction
-- x-axis: training fraction
-- y-axis: share of runs
--
-- Of the runs that memorised: those that had not generalised by their end, those that generalised late by
-- the ratio, with Wilson's 95 % interval, and the others.
-- `range_low` and `range_high` are the first and the last fraction at which at least half of them came
-- late. Runs of losses alone have the times that `cairn analyze grokking` gives them.
WITH losses_alone AS MATERIALIZED (
    SELECT run
    FROM metric_summaries
    WHERE name IN ('train_loss', 'test_loss')
        AND (:sweep = '*' OR run IN (
            SELECT run FROM hyperparameters WHERE name = 'sweep' AND value GLOB :sweep))
    GROUP BY run
    HAVING count(*) = 2 AND run NOT IN (
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
),
counts AS (
    SELECT
        h.value AS fraction, count(*) AS runs,
        count(*) FILTER (WHERE t.generalised IS NULL) AS never,
        count(*) FILTER (WHERE t.generalised + 1.0 >= :ratio * (t.memorised + 1.0)) AS delayed
    FROM times AS t
    JOIN hyperparameters AS h ON h.run = t.run AND h.name = 'train_fraction'
    WHERE t.memorised IS NOT NULL
    GROUP BY h.value
)
SELECT
    fraction AS train_fraction, runs, never, delayed, runs - never - delayed AS at_once,
    1.0 * delayed / runs AS share_delayed, wilson_low(delayed, runs) AS delayed_low,
    wilson_high(delayed, runs) AS delayed_high,
    min(fraction) FILTER (WHERE 2 * delayed >= runs) OVER () AS range_low,
    max(fraction) FILTER (WHERE 2 * delayed >= runs) OVER () AS range_high
FROM counts
ORDER BY fraction;
