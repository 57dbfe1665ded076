-- How do the singular values of a tensor move over the steps of a run?
-- :run  the id of the run
-- :tensor = embedding  the tensor; all axes but the last are rows
-- :count = 16  how many, the largest
-- picture: line x=step y=value color=rank x-scale=log-step y-scale=log
-- title: Singular values of :tensor
-- x-axis: step (updates)
-- y-axis: singular value
--
-- Computed from the stored weights.
SELECT c.step, s.rank, s.value
FROM checkpoints AS c, singular_values(c.run, c.step, :tensor) AS s
WHERE c.run = :run AND s.rank <= :count
ORDER BY s.rank, c.step;
