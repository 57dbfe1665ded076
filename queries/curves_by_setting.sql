-- How does a curve go in each run, coloured by the value of a setting?
-- :runs = []  the ids of the runs as a JSON array; [] for every run
-- :metric = test_accuracy  the curve
-- :setting = weight_decay  the hyperparameter that gives the colour
-- picture: line x=step y=value color=setting detail=run x-scale=log-step
-- title: :metric of runs by :setting
-- x-axis: step (updates)
-- y-axis: :metric
-- color-axis: :setting
SELECT m.run, h.value AS setting, m.step, m.value
FROM metrics AS m
LEFT JOIN hyperparameters AS h ON h.run = m.run AND h.name = :setting
WHERE m.name = :metric
    AND (json_array_length(:runs) = 0 OR m.run IN (SELECT value FROM json_each(:runs)))
ORDER BY h.value, m.run, m.step;
