-- Which checkpoints of different runs hold exactly the same weights?
SELECT
    lower(substr(c.digest, 1, 16)) AS digest, count(*) AS checkpoints,
    group_concat(c.run || '@' || c.step, ' ') AS places
FROM (SELECT * FROM checkpoints ORDER BY run, step) AS c
GROUP BY c.digest
HAVING count(DISTINCT c.run) > 1
ORDER BY checkpoints DESC, c.digest;
