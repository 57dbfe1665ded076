-- Which stored results no longer belong to the code or to the weights?
SELECT
    a.kind, a.run, a.step, a.parameters, a.code_version, a.split, a.cost_seconds,
    datetime(a.computed_at, 'unixepoch') AS computed_at
FROM analyses AS a
WHERE a.stale = 1 AND a.superseded_by IS NULL
ORDER BY a.kind, a.run, a.step;
