-- How does a curve go over the seeds at each value of a setting?
-- :setting = weight_decay  the hyperparameter whose values are kept apart
-- :metric = test_accuracy  the curve
-- picture: band x=step y=middle low=low high=high color=value x-scale=log-step
-- title: :metric over seeds, by :setting
-- x-axis: step (updates)
-- y-axis: :metric
-- color-axis: :setting
--
-- Median and the 10 % and 90 % quantile of the runs that were still going, on 200 log-spaced steps,
-- each run's last evaluation held.
WITH groups AS (
    SELECT DISTINCT value FROM hyperparameters WHERE name = :setting
)
SELECT g.value, b.step, b.runs, b.low, b.middle, b.high
FROM groups AS g, seed_band(:metric, :setting, g.value) AS b
ORDER BY g.value, b.step;
