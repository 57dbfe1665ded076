-- How did the norm of each tensor change from the first to the last checkpoint of a run?
-- :run  the id of the run
--
-- Computed from the stored weights.
SELECT
    t.name AS tensor, t.shape, l2_norm(r.run, r.first_step, t.name) AS first_norm,
    l2_norm(r.run, r.last_step, t.name) AS last_norm,
    distance(r.run, r.first_step, r.last_step, t.name) AS distance,
    cosine(r.run, r.first_step, r.last_step, t.name) AS cosine
FROM runs AS r
JOIN tensors AS t USING (run)
WHERE r.run = :run
ORDER BY t.name;
