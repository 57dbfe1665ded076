-- Where did forked runs leave the runs they came from?
-- :runs = []  the ids of the runs as a JSON array; [] for every run
-- picture: line x=step y=label color=status detail=run mark=mark y-scale=names
-- title: Lineage of forks
-- x-axis: step (updates)
-- y-axis: run
--
-- One level line for each run, from its first step to its last; a fork hangs from its parent at the
-- step that it began with. A point marks the beginning.
WITH RECURSIVE tree (run, path) AS (
    SELECT r.run, r.name || ' ' || r.run
    FROM runs AS r
    WHERE r.parent_run IS NULL OR r.parent_run NOT IN (SELECT run FROM runs)
    UNION ALL
    SELECT r.run, t.path || char(10) || printf('%012d', r.parent_step) || r.name || ' ' || r.run
    FROM runs AS r
    JOIN tree AS t ON r.parent_run = t.run
),
placed AS (
    SELECT
        r.run, r.status, r.parent_run, ifnull(r.parent_step, r.first_step) AS first_step,
        r.last_step, row_number() OVER (ORDER BY t.path DESC) AS place,
        iif(count(*) OVER (PARTITION BY r.name) > 1, r.name || ' ' || substr(r.run, 1, 8), r.name)
            AS label
    FROM tree AS t
    JOIN runs AS r USING (run)
    WHERE json_array_length(:runs) = 0 OR r.run IN (SELECT value FROM json_each(:runs))
)
SELECT 'points' AS mark, run, status, first_step AS step, label, 0 AS number, place
FROM placed
UNION ALL
SELECT 'line', c.run, c.status, c.first_step, p.label, 1, c.place
FROM placed AS c
JOIN placed AS p ON p.run = c.parent_run
UNION ALL
SELECT 'line', run, status, first_step, label, 2, place FROM placed
UNION ALL
SELECT 'line', run, status, last_step, label, 3, place FROM placed
ORDER BY mark DESC, place, number;
