-- Along which path do norm and loss move together (the L-U plane)?
-- :runs = []  the ids of the runs as a JSON array; [] for every run
-- :tensor = total  the tensor whose norm counts; total is all weights together
-- picture: line x=norm y=loss color=curve facet=run label=label mark=mark y-scale=log
-- title: Loss against weight norm
-- x-axis: Euclidean norm of the weights
-- y-axis: mean cross-entropy (nats)
--
-- One point for each checkpoint with an evaluation at its step. Reads what `cairn analyze norms`
-- found.
WITH chosen AS (
    SELECT
        run,
        iif(count(*) OVER (PARTITION BY name) > 1, name || ' ' || substr(run, 1, 8), name) AS name
    FROM runs
    WHERE json_array_length(:runs) = 0 OR run IN (SELECT value FROM json_each(:runs))
),
path AS (
    SELECT
        c.run, c.name, replace(m.name, '_loss', '') AS curve, w.step, w.l2, m.value,
        row_number() OVER (PARTITION BY c.run, m.name ORDER BY w.step) AS rising,
        row_number() OVER (PARTITION BY c.run, m.name ORDER BY w.step DESC) AS falling
    FROM chosen AS c
    JOIN weight_norms AS w ON w.run = c.run AND w.tensor = :tensor
    JOIN metrics AS m ON m.run = c.run AND m.step = w.step AND m.name IN ('train_loss', 'test_loss')
)
SELECT name AS run, 'line' AS mark, curve, step, l2 AS norm, value AS loss, NULL AS label, run AS id
FROM path
UNION ALL
SELECT name, 'text', NULL, step, l2, value, 'step ' || step, run
FROM path
WHERE curve = 'test' AND (rising = 1 OR falling = 1)
ORDER BY id, mark, curve DESC, step;
