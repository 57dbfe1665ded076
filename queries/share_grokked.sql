-- What share of the runs generalised at each value of a setting, with a 95 % interval?
-- :setting = weight_decay  the hyperparameter to group by
-- :metric = test_accuracy  the curve that has to rise, or to fall where its name ends in loss
-- :threshold = 0.99  what it has to reach and keep for three evaluations; below it for a loss
-- :sweep = *  the sweep whose runs count, or a pattern such as decay*; * for every run
-- picture: points x=value y=share low=low high=high color=task y-range=0..1
-- title: Share of runs that generalise, by :setting
-- x-axis: :setting
-- y-axis: share of runs
--
-- The interval is Wilson's. Runs that have not ended and have not got there may still: they are counted
-- as `unfinished` and not in `runs`.
-- Tasks are kept apart. A run that ends at the same step with the weights of another is that run again:
-- the one that began first counts, and `copies` says how many were left out.
WITH chosen AS (
    SELECT
        r.run, r.task, r.status IN ('finished', 'imported') AS has_ended, row_number() OVER same AS copy,
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
times AS (
    SELECT
        m.run, c.task, c.copies, c.has_ended, iif(:metric LIKE '%loss', fall_step(m.step, m.value, :threshold),
            grok_step(m.step, m.value, :threshold)) AS step
    FROM chosen AS c
    JOIN metrics AS m ON m.run = c.run AND m.name = :metric
    WHERE c.copy = 1
    GROUP BY m.run
),
counts AS (
    SELECT
        t.task, h.value AS value, count(*) FILTER (WHERE t.step IS NOT NULL OR t.has_ended) AS n,
        count(t.step) AS hits, count(*) FILTER (WHERE t.step IS NULL AND NOT t.has_ended)
            AS unfinished, sum(t.copies) AS copies
    FROM times AS t
    JOIN hyperparameters AS h ON h.run = t.run AND h.name = :setting
    GROUP BY t.task, h.value
)
SELECT
    task, value, n AS runs, 1.0 * hits / n AS share, wilson_low(hits, n) AS low,
    wilson_high(hits, n) AS high, unfinished, copies
FROM counts
ORDER BY task, value;
