-- Which run was forked from which, and where?
WITH RECURSIVE tree (run, depth, path) AS (
    SELECT r.run, 0, r.name || ' ' || r.run
    FROM runs AS r
    WHERE r.parent_run IS NULL OR r.parent_run NOT IN (SELECT run FROM runs)
    UNION ALL
    SELECT r.run, t.depth + 1, t.path || char(10) || r.name || ' ' || r.run
    FROM runs AS r
    JOIN tree AS t ON r.parent_run = t.run
)
SELECT
    printf('%*s', 2 * t.depth, '') || r.name AS tree, t.run, r.parent_run, r.parent_step, r.status,
    r.last_step
FROM tree AS t
JOIN runs AS r USING (run)
ORDER BY t.path;
