-- Where did a loss jump to many times its value at the evaluation before?
-- :metric = train_loss  the curve
-- :factor = 100  how many times
WITH pairs AS (
    SELECT
        run, step, value, lag(step) OVER curve AS previous_step, lag(value) OVER curve AS previous
    FROM metrics
    WHERE name = :metric
    WINDOW curve AS (PARTITION BY run ORDER BY step)
)
SELECT r.name, p.run, p.previous_step, p.step, p.previous, p.value, p.value / p.previous AS factor
FROM pairs AS p
JOIN runs AS r USING (run)
WHERE p.value > :factor * p.previous
ORDER BY p.run, p.step;
