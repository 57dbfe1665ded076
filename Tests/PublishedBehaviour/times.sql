-- Steps to a test accuracy of 99 %, kept for three evaluations, by a setting that a sweep varies:
-- cairn sql -p sweep=fractions -p setting=train_fraction < times.sql
SELECT
    setting.value AS value, count(*) AS runs, count(times.step) AS generalised,
    quantile(times.step, 0.1) AS low_step, median(times.step) AS median_step,
    quantile(times.step, 0.9) AS high_step
FROM (
    SELECT run, grok_step(step, value) AS step FROM metrics
    WHERE name = 'test_accuracy' GROUP BY run
) AS times
JOIN runs USING (run)
JOIN hyperparameters AS sweep ON sweep.run = times.run AND sweep.name = 'sweep'
JOIN hyperparameters AS setting ON setting.run = times.run AND setting.name = :setting
WHERE sweep.value = :sweep AND runs.status = 'finished'
GROUP BY setting.value ORDER BY setting.value;
