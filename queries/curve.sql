-- What are the points of one curve of a run?
-- :run  the id of the run
-- :metric = test_accuracy  the name of the curve
SELECT step, value
FROM metrics
WHERE run = :run AND name = :metric
ORDER BY step;
