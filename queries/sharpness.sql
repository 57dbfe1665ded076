-- How does the largest Hessian eigenvalue compare with the stability limits of the optimiser?
--
-- `gradient_descent_limit` is 2/η. `adam_limit` is (2 + 2 β1) / ((1 − β1) η), 38/η at β1 = 0.9, and
-- bounds the preconditioned Hessian: `adam_sharpness` is its largest eigenvalue, NULL where it was
-- not measured.
-- Reads what `cairn analyze hessian` found.
SELECT
    r.name, e.run, e.step, e.eigenvalue AS sharpness, lr.value AS learning_rate,
    2.0 / lr.value AS gradient_descent_limit,
    (2 + 2 * ifnull(b.value, 0.9)) / ((1 - ifnull(b.value, 0.9)) * lr.value) AS adam_limit,
    e.eigenvalue * lr.value / 2 AS share_of_gradient_descent_limit,
    (SELECT s.value FROM sharpness_measures AS s
        WHERE s.run = e.run AND s.step = e.step AND s.split = e.split
            AND s.measure = 'preconditioned'
        ORDER BY s.analysis DESC LIMIT 1) AS adam_sharpness
FROM hessian_eigenvalues AS e
JOIN runs AS r USING (run)
LEFT JOIN hyperparameters AS lr ON lr.run = e.run AND lr.name = 'learning_rate'
LEFT JOIN hyperparameters AS b ON b.run = e.run AND b.name = 'beta1'
WHERE e.operator = 'hessian' AND e.side = 'top' AND e.rank = 1
ORDER BY r.name, e.run, e.step;
