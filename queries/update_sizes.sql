-- How far do the weights move in each update?
-- :runs = []  the ids of the runs as a JSON array; [] for every run
-- :tensor = *  the tensor, or a pattern; total is all weights together
-- picture: line x=step y=size color=tensor facet=run x-scale=log-step y-scale=log
-- title: Size of updates
-- x-axis: step (updates)
-- y-axis: distance moved per update
--
-- The Euclidean distance from one checkpoint to the next, divided by the updates between them: where
-- checkpoints are far apart, a bound from below. Reads what `cairn analyze norms` found.
WITH chosen AS (
    SELECT
        run,
        iif(count(*) OVER (PARTITION BY name) > 1, name || ' ' || substr(run, 1, 8), name) AS name
    FROM runs
    WHERE json_array_length(:runs) = 0 OR run IN (SELECT value FROM json_each(:runs))
)
SELECT
    c.name AS run, w.tensor, w.step, w.update_size / (w.step - w.update_from_step) AS size
FROM chosen AS c
JOIN weight_norms AS w ON w.run = c.run AND w.tensor GLOB :tensor
WHERE w.update_size IS NOT NULL
ORDER BY c.name, c.run, w.tensor = 'total' DESC, w.tensor, w.step;
