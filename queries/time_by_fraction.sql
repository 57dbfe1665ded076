-- How many steps to 99 % does each fraction of training data take, with bands over seeds?
-- :metric = test_accuracy  the curve that has to rise, or to fall where its name ends in loss
-- :threshold = 0.99  what it has to reach and keep for three evaluations; below it for a loss
-- :sweep = *  the sweep whose runs count, or a pattern such as decay*; * for every run
-- picture: points x=train_fraction y=median_step low=low_step high=high_step color=task y-scale=log
-- title: Median step of generalisation by training fraction
-- x-axis: training fraction
-- y-axis: step (updates)
--
-- The band is the 10 % and 90 % quantile of the runs that got there; `median_step` is Kaplan and
-- Meier's, for which runs that did not count as later than their end. `critical_fraction` is where
-- the fitted law step = c · (fraction − critical_fraction)^exponent diverges, with its 95 %
-- bootstrap interval; it needs four different fractions.
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
times AS (
    SELECT
        m.run, c.task, c.copies, iif(:metric LIKE '%loss', fall_step(m.step, m.value, :threshold),
            grok_step(m.step, m.value, :threshold)) AS step,
        max(m.step) AS last_step
    FROM chosen AS c
    JOIN metrics AS m ON m.run = c.run AND m.name = :metric
    WHERE c.copy = 1
    GROUP BY m.run
),
points AS (
    SELECT t.task, h.value AS fraction, t.copies, t.step, t.last_step
    FROM times AS t
    JOIN hyperparameters AS h ON h.run = t.run AND h.name = 'train_fraction'
),
fit AS (
    SELECT
        task, critical_point(fraction, step) AS critical_fraction,
        critical_point(fraction, step, 0.025) AS critical_low,
        critical_point(fraction, step, 0.975) AS critical_high,
        critical_exponent(fraction, step) AS exponent
    FROM points
    GROUP BY task
)
SELECT
    p.task, p.fraction AS train_fraction, count(*) AS runs, count(p.step) AS generalised,
    quantile(p.step, 0.1) AS low_step, survival_median(p.step, p.last_step) AS median_step,
    quantile(p.step, 0.9) AS high_step, fit.critical_fraction, fit.critical_low,
    fit.critical_high, fit.exponent, sum(p.copies) AS copies
FROM points AS p
JOIN fit USING (task)
GROUP BY p.task, p.fraction
ORDER BY p.task, p.fraction;
