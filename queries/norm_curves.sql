-- How do the Euclidean norms of tensors move over the steps of runs?
-- :runs = []  the ids of the runs as a JSON array; [] for every run
-- :tensor = *  the tensor, or a pattern; total is all weights together
-- picture: line x=step y=l2 color=tensor facet=run x-scale=log-step
-- title: Weight norms over steps
-- x-axis: step (updates)
-- y-axis: Euclidean norm
--
-- Reads what `cairn analyze norms` found.
WITH chosen AS (
    SELECT
        run,
        iif(count(*) OVER (PARTITION BY name) > 1, name || ' ' || substr(run, 1, 8), name) AS name
    FROM runs
    WHERE json_array_length(:runs) = 0 OR run IN (SELECT value FROM json_each(:runs))
)
SELECT c.name AS run, w.tensor, w.step, w.l2
FROM chosen AS c
JOIN weight_norms AS w ON w.run = c.run AND w.tensor GLOB :tensor
ORDER BY c.name, c.run, w.tensor = 'total' DESC, w.tensor, w.step;
