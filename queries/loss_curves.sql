-- How did the losses of runs fall?
-- :runs = []  the ids of the runs as a JSON array; [] for every run
-- picture: line x=step y=value color=curve facet=run x-scale=log-step y-scale=log
-- title: Loss over steps
-- x-axis: step (updates)
-- y-axis: mean cross-entropy (nats)
WITH chosen AS (
    SELECT
        run,
        iif(count(*) OVER (PARTITION BY name) > 1, name || ' ' || substr(run, 1, 8), name) AS name
    FROM runs
    WHERE json_array_length(:runs) = 0 OR run IN (SELECT value FROM json_each(:runs))
)
SELECT c.name AS run, replace(m.name, '_loss', '') AS curve, m.step, m.value
FROM chosen AS c
JOIN metrics AS m ON m.run = c.run AND m.name IN ('train_loss', 'test_loss')
ORDER BY c.name, c.run, m.name DESC, m.step;
