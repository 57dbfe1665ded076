-- Which runs ended with the best value of a curve, and with which settings?
-- :metric = test_accuracy  the curve; a name that ends in loss is better when small
-- :limit = 20  how many runs
-- :sweep = *  the sweep whose runs count, or a pattern such as decay*; * for every run
SELECT
    r.name, s.run, s.last_value, s.last_step, r.task, r.network,
    (SELECT json_group_object(h.name, h.value) FROM hyperparameters AS h WHERE h.run = s.run)
        AS settings
FROM metric_summaries AS s
JOIN runs AS r USING (run)
WHERE s.name = :metric AND s.last_value IS NOT NULL
    AND (:sweep = '*' OR s.run IN (
        SELECT run FROM hyperparameters WHERE name = 'sweep' AND value GLOB :sweep))
ORDER BY iif(:metric LIKE '%loss', s.last_value, -s.last_value), s.run
LIMIT :limit;
