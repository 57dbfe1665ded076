-- Which settings differ between the runs, and which values do they take?
SELECT
    h.name, count(DISTINCT h.value) AS value_count, count(*) AS runs,
    (SELECT group_concat(quote(v.value), ' ')
        FROM (SELECT DISTINCT value FROM hyperparameters WHERE name = h.name ORDER BY value) AS v)
        AS "values"
FROM hyperparameters AS h
GROUP BY h.name
HAVING value_count > 1 OR count(*) < (SELECT count(*) FROM runs)
ORDER BY value_count DESC, h.name;
