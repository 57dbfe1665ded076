-- How do restricted, excluded and full loss go through the three phases of a run?
-- :runs = []  the ids of the runs as a JSON array; [] for every run
-- :variant = sum  which projection: sum, block2x2 or block3x3
-- picture: line x=step y=value low=low high=high color=curve facet=run label=label mark=mark y-scale=log
-- title: Losses and phases
-- x-axis: step (updates)
-- y-axis: mean cross-entropy (nats)
--
-- Reads what `cairn analyze progress` found, with its rules: memorisation ends at the smallest
-- excluded loss on training pairs, clean-up lasts from the first test loss below that of a guess to
-- a test accuracy of 0.99. Restricted loss is that of all pairs.
WITH chosen AS (
    SELECT
        run, first_step, last_step,
        iif(count(*) OVER (PARTITION BY name) > 1, name || ' ' || substr(run, 1, 8), name) AS name
    FROM runs
    WHERE json_array_length(:runs) = 0 OR run IN (SELECT value FROM json_each(:runs))
),
boundary AS (
    SELECT
        c.name, c.first_step, c.last_step,
        max(e.value) FILTER (WHERE e.subject = 'memorisation_end') AS memorisation_end,
        max(e.value) FILTER (WHERE e.subject = 'clean_up_start') AS clean_up_start,
        max(e.value) FILTER (WHERE e.subject = 'clean_up_end') AS clean_up_end
    FROM chosen AS c
    JOIN analyses AS a
        ON a.run = c.run AND a.kind = 'progress' AND a.source = 'computed' AND a.step IS NULL
    CROSS JOIN measurements AS e ON e.analysis = a.analysis AND e.measure = 'phase_step'
    GROUP BY c.run
)
SELECT
    c.name AS run, 'line' AS mark,
    CASE p.measure
        WHEN 'loss' THEN p.split
        ELSE replace(replace(p.measure, 'total_logit_', ''), '_loss', '')
    END AS curve, p.step, p.value, NULL AS low, NULL AS high, NULL AS label
FROM chosen AS c
JOIN progress_measures AS p ON p.run = c.run AND p.source = 'computed'
WHERE p.measure = 'loss' AND p.split IN ('train', 'test')
    OR p.measure = 'restricted_loss' AND p.split = 'all' AND p.variant = :variant
    OR p.measure = 'excluded_loss' AND p.split = 'train' AND p.variant = :variant
    OR p.measure = 'total_logit_restricted_loss' AND p.split = 'all' AND :variant = 'sum'
        AND NOT EXISTS (SELECT 1 FROM progress_measures AS o WHERE o.run = c.run
            AND o.measure = 'restricted_loss' AND o.variant = 'sum')
UNION ALL
SELECT name, 'span', NULL, NULL, NULL, first_step, memorisation_end, 'memorisation'
FROM boundary
WHERE memorisation_end IS NOT NULL
UNION ALL
SELECT
    name, 'span', NULL, NULL, NULL, memorisation_end, ifnull(clean_up_start, last_step),
    'circuit formation'
FROM boundary
WHERE memorisation_end IS NOT NULL
UNION ALL
SELECT name, 'span', NULL, NULL, NULL, clean_up_start, ifnull(clean_up_end, last_step), 'clean-up'
FROM boundary
WHERE clean_up_start IS NOT NULL
ORDER BY 1, 2, 3, 4, 6;
