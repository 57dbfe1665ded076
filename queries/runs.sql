-- Which runs are there, how far did they get and where did their curves end?
-- :sweep = *  the sweep whose runs count, or a pattern such as decay*; * for every run
SELECT
    r.run, r.name, r.status, r.task, r.network, r.seed, r.last_step, r.checkpoint_count,
    (SELECT s.last_value FROM metric_summaries AS s WHERE s.run = r.run AND s.name = 'train_accuracy')
        AS train_accuracy,
    (SELECT s.last_value FROM metric_summaries AS s WHERE s.run = r.run AND s.name = 'test_accuracy')
        AS test_accuracy
FROM runs AS r
WHERE (:sweep = '*' OR r.run IN (
    SELECT run FROM hyperparameters WHERE name = 'sweep' AND value GLOB :sweep))
ORDER BY r.created_at, r.run;
