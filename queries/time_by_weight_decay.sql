-- How does the time to generalise depend on weight decay?
-- :metric = test_accuracy  the curve that has to rise, or to fall where its name ends in loss
-- :threshold = 0.99  what it has to reach and keep for three evaluations; below it for a loss
-- :sweep = *  the sweep whose runs count, or a pattern such as decay*; * for every run
-- picture: points x=weight_decay y=median_step low=median_low high=median_high color=task x-scale=log y-scale=log
-- title: Median step of generalisation by weight decay
-- x-axis: weight decay
-- y-axis: step (updates)
--
-- `median_step` and its 95 % interval are Kaplan and Meier's: runs that did not get there count as
-- later than their end. `exponent` is the slope of ln(step) against ln(weight_decay) over the runs
-- that did, with its 95 % bootstrap interval.
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
    SELECT t.task, h.value AS weight_decay, t.copies, t.step, t.last_step
    FROM times AS t
    JOIN hyperparameters AS h ON h.run = t.run AND h.name = 'weight_decay'
),
fit AS (
    SELECT
        task, scaling_exponent(weight_decay, step) AS exponent,
        scaling_exponent(weight_decay, step, 0.025) AS exponent_low,
        scaling_exponent(weight_decay, step, 0.975) AS exponent_high
    FROM points
    GROUP BY task
)
SELECT
    p.task, p.weight_decay, count(*) AS runs, count(p.step) AS generalised, min(p.step) AS fastest_step,
    survival_median(p.step, p.last_step) AS median_step,
    survival_low(p.step, p.last_step) AS median_low,
    survival_high(p.step, p.last_step) AS median_high, max(p.step) AS slowest_step, fit.exponent,
    fit.exponent_low, fit.exponent_high, sum(p.copies) AS copies
FROM points AS p
JOIN fit USING (task)
GROUP BY p.task, p.weight_decay
ORDER BY p.task, p.weight_decay;
