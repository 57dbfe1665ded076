-- How did the share of each key frequency of a tensor grow during a run?
-- :run  the id of the run
-- :tensor = embedding  the tensor
-- :count = 6  how many frequencies, the strongest of the last checkpoint
-- picture: line x=step y=share color=frequency x-scale=log-step
-- title: Key frequencies of :tensor
-- x-axis: step (updates)
-- y-axis: share of the power
-- color-axis: frequency
--
-- Computed from the stored weights.
WITH key AS (
    SELECT f.frequency
    FROM runs AS r, fourier(r.run, r.last_step, :tensor) AS f
    WHERE r.run = :run AND f.frequency > 0
    ORDER BY f.power DESC
    LIMIT :count
)
SELECT c.step, f.frequency, f.power, f.share
FROM checkpoints AS c, fourier(c.run, c.step, :tensor) AS f
WHERE c.run = :run AND f.frequency IN (SELECT frequency FROM key)
ORDER BY c.step, f.frequency;
