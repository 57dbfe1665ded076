-- Gives the statement that creates `runs_wide`: one row per run with a column for each setting and
-- for the last value of each curve, so that no program needs a pivot.
--
-- Columns, in this order: those of `runs`; each hyperparameter under its own name, or as
-- hyperparameter_NAME where `runs` has a column of that name; the last value of each curve as
-- last_NAME. Names that differ in nothing but case get _2, _3, … because SQL cannot tell them
-- apart. A value keeps its own SQLite type; a run without the setting or the curve has NULL.
--
-- SQLite allows 2,000 columns: at most 1,900 are made and at most 500,000 bytes of text. Names
-- with a NUL character cannot be written in SQL and get no column.
WITH RECURSIVE
-- One seek for each name, however many runs there are.
settings (name) AS (
    SELECT min(name) FROM hyperparameter
    UNION ALL
    SELECT (SELECT min(h.name) FROM hyperparameter AS h WHERE h.name > settings.name)
    FROM settings WHERE name IS NOT NULL
),
own (name, expression, place) AS (
    VALUES
        ('run', 'r.id', 0), ('name', 'r.name', 1), ('status', 'r.status', 2),
        ('task', 'r.task', 3), ('network', 'r.network', 4), ('seed', 'r.seed', 5),
        ('parent_run', 'r.parent_run', 6), ('parent_step', 'r.parent_step', 7),
        ('first_step', 'r.first_step', 8), ('last_step', 'r.last_step', 9),
        ('checkpoint_count', 'r.checkpoint_count', 10),
        ('parameter_count', 'r.parameter_count', 11), ('weight_bytes', 'r.weight_bytes', 12),
        ('created_at', 'r.created_at', 13), ('finished_at', 'r.finished_at', 14),
        ('buffer_count', 'r.buffer_count', 15),
        (
            'origin_path',
            '(SELECT d.origin_path FROM run_document AS d WHERE d.run_key = r.run_key)', 16
        )
),
wanted (name, expression, part, place) AS (
    SELECT name, expression, 1, place FROM own
    UNION ALL
    SELECT
        iif(lower(s.name) IN (SELECT name FROM own), 'hyperparameter_' || s.name, s.name),
        '(SELECT h.value FROM hyperparameter AS h WHERE h.run_key = r.run_key AND h.name = '
            || quote(s.name) || ')',
        2, (SELECT h.position FROM hyperparameter AS h WHERE h.name = s.name LIMIT 1)
    FROM settings AS s WHERE s.name IS NOT NULL AND instr(s.name, char(0)) = 0
    UNION ALL
    SELECT
        'last_' || n.name,
        '(SELECT s.last_value FROM metric_summary AS s WHERE s.run_key = r.run_key AND s.name_key = '
            || n.name_key || ')',
        3, 0
    FROM metric_name AS n WHERE instr(n.name, char(0)) = 0
),
numbered AS (
    SELECT
        name, expression, part, place,
        row_number() OVER (PARTITION BY lower(name) ORDER BY part, place, name) AS number
    FROM wanted
),
columns (text, place) AS (
    SELECT
        expression || ' AS "' || replace(name, '"', '""') || iif(number > 1, '_' || number, '')
            || '"',
        row_number() OVER (ORDER BY part, place, name)
    FROM numbered
),
fitting AS (
    SELECT text, place FROM (
        SELECT text, place, sum(length(CAST(text AS BLOB)) + 2) OVER (ORDER BY place) AS bytes
        FROM columns
    )
    WHERE bytes < 500000 ORDER BY place LIMIT 1900
)
SELECT
    'CREATE VIEW runs_wide AS' || char(10) || 'SELECT' || char(10) || '    '
    || group_concat(text, ',' || char(10) || '    ') || char(10) || 'FROM run AS r' AS statement
FROM (SELECT text FROM fitting ORDER BY place);
