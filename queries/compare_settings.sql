-- In which settings do two runs differ?
-- :first  the id of one run
-- :second  the id of the other run
WITH names AS (
    SELECT DISTINCT name FROM hyperparameters WHERE run IN (:first, :second)
)
SELECT n.name, a.value AS first_value, b.value AS second_value
FROM names AS n
LEFT JOIN hyperparameters AS a ON a.run = :first AND a.name = n.name
LEFT JOIN hyperparameters AS b ON b.run = :second AND b.name = n.name
WHERE a.value IS NOT b.value
ORDER BY n.name;
