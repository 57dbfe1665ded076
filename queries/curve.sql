-- What are the points of one curve of a run?
-- :run  the id of the run
-- :metric = test_accuracy  the name of the curve
-- picture: line x=step y=value x-scale=log-step
-- title: :metric over steps
-- x-axis: step (updates)
-- y-axis: :metric
SELECT step, value
FROM metrics
WHERE run = :run AND name = :metric
ORDER BY step;
