-- How do the largest Hessian eigenvalues move, beside the limits of stability?
-- :runs = []  the ids of the runs as a JSON array; [] for every run
-- :count = 5  how many eigenvalues
-- picture: line x=step y=value color=rank facet=run label=label mark=mark x-scale=log-step y-scale=log names=legend
-- title: Largest Hessian eigenvalues of the training loss
-- x-axis: step (updates)
-- y-axis: eigenvalue (nats per squared weight)
--
-- 2/η is the limit of gradient descent; (2 + 2 β₁) / ((1 − β₁) η), 38/η at β₁ = 0.9, is Adam's and
-- bounds the preconditioned Hessian. Reads what `cairn analyze hessian` found.
WITH chosen AS (
    SELECT
        run,
        iif(count(*) OVER (PARTITION BY name) > 1, name || ' ' || substr(run, 1, 8), name) AS name
    FROM runs
    WHERE json_array_length(:runs) = 0 OR run IN (SELECT value FROM json_each(:runs))
),
found AS (
    SELECT c.run, c.name, e.step, e.rank, max(e.eigenvalue) AS eigenvalue
    FROM chosen AS c
    JOIN hessian_eigenvalues AS e ON e.run = c.run
    WHERE e.operator = 'hessian' AND e.side = 'top' AND e.split = 'train' AND e.rank <= :count
    GROUP BY c.run, e.step, e.rank
),
rate AS (
    SELECT f.run, f.name, lr.value AS eta, ifnull(b.value, 0.9) AS beta
    FROM (SELECT DISTINCT run, name FROM found) AS f
    JOIN hyperparameters AS lr ON lr.run = f.run AND lr.name = 'learning_rate' AND lr.value > 0
    LEFT JOIN hyperparameters AS b ON b.run = f.run AND b.name = 'beta1'
)
SELECT
    name AS run, 'line' AS mark, 'eigenvalue ' || rank AS rank, step, eigenvalue AS value,
    NULL AS label, rank AS place
FROM found
UNION ALL
SELECT name, 'points', 'eigenvalue ' || rank, step, eigenvalue, NULL, rank FROM found
UNION ALL
SELECT name, 'rule', NULL, NULL, 2.0 / eta, '2/η', 0 FROM rate
UNION ALL
SELECT
    name, 'rule', NULL, NULL, (2 + 2 * beta) / ((1 - beta) * eta),
    CAST(round((2 + 2 * beta) / (1 - beta)) AS INTEGER) || '/η', 0
FROM rate
ORDER BY 1, 7, 2, 4;
