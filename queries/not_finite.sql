-- In which curves did a value become infinite or NaN, and when first?
--
-- NULL in `metrics.value` is NaN.
SELECT
    r.name, m.run, m.name AS metric, min(m.step) AS first_step, count(*) AS points,
    sum(m.value IS NULL) AS not_a_number
FROM metrics AS m
JOIN runs AS r USING (run)
WHERE m.value IS NULL OR abs(m.value) > 1.7976931348623157e308
GROUP BY m.run, m.name
ORDER BY r.name, m.run, m.name;
