-- How finely is each run sampled by its checkpoints?
WITH gaps AS (
    SELECT run, step, step - lag(step) OVER (PARTITION BY run ORDER BY step) AS gap
    FROM checkpoints
)
SELECT
    r.name, g.run, count(*) AS checkpoints, min(g.step) AS first_step, max(g.step) AS last_step,
    min(g.gap) AS smallest_gap, median(g.gap) AS median_gap, max(g.gap) AS largest_gap
FROM gaps AS g
JOIN runs AS r USING (run)
GROUP BY g.run
ORDER BY r.name, g.run;
