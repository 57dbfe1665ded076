-- Which runs ended with the best value of a curve, and with which settings?
-- :metric = test_accuracy  the curve; a name that ends in loss is better when small
-- :limit = 20  how many runs
SELECT
    r.name, s.run, s.last_value, s.last_step, r.task, r.network,
    (SELECT json_group_object(h.name, h.value) FROM hyperparameters AS h WHERE h.run = s.run)
        AS settings
FROM metric_summaries AS s
JOIN runs AS r USING (run)
WHERE s.name = :metric AND s.last_value IS NOT NULL
ORDER BY iif(:metric LIKE '%loss', s.last_value, -s.last_value), s.run
LIMIT :limit;
