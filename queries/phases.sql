-- How do restricted and excluded loss and the weight norm move through the phases of each run?
-- :variant = sum  which projection: sum, block2x2 or block3x3
--
-- Reads what `cairn analyze progress` found, with its rules: memorisation ends at the smallest
-- excluded loss on training pairs, clean-up lasts from the first test loss below that of a guess to a
-- test accuracy of 0.99. A phase that has not been seen to end goes on. Groups without frequencies
-- have the losses of all their key representations instead. Restricted loss is that of all pairs,
-- excluded loss that of training pairs. (CROSS JOIN looks up the few analyses before their
-- measurements.)
WITH measured AS (
    SELECT
        a.run, a.parameters, a.step,
        max(p.value) FILTER (WHERE p.measure = 'weight_norm') AS weight_norm,
        coalesce(
            max(p.value) FILTER (WHERE p.split = 'all'
                AND p.measure = 'restricted_loss' AND p.variant = :variant),
            max(p.value) FILTER (WHERE p.split = 'all'
                AND p.measure = 'total_logit_restricted_loss')) AS restricted_loss,
        coalesce(
            max(p.value) FILTER (WHERE p.split = 'train'
                AND p.measure = 'excluded_loss' AND p.variant = :variant),
            max(p.value) FILTER (WHERE p.split = 'train'
                AND p.measure = 'total_logit_excluded_loss')) AS excluded_loss,
        max(p.value) FILTER (WHERE p.split = 'test' AND p.measure = 'loss') AS test_loss
    FROM analyses AS a
    JOIN progress_measures AS p USING (analysis)
    WHERE a.kind = 'progress' AND a.source = 'computed'
    GROUP BY a.run, a.parameters, a.step
),
boundaries AS (
    SELECT
        a.run, a.parameters,
        max(e.value) FILTER (WHERE e.subject = 'memorisation_end') AS memorisation_end,
        max(e.value) FILTER (WHERE e.subject = 'clean_up_start') AS clean_up_start,
        max(e.value) FILTER (WHERE e.subject = 'clean_up_end') AS clean_up_end
    FROM analyses AS a
    CROSS JOIN measurements AS e USING (analysis)
    WHERE a.kind = 'progress' AND a.source = 'computed' AND a.step IS NULL
        AND e.measure = 'phase_step'
    GROUP BY a.run, a.parameters
)
SELECT
    r.name, d.run, d.step,
    CASE
        WHEN d.step >= b.clean_up_end THEN 'generalised'
        WHEN d.step >= b.clean_up_start THEN 'clean-up'
        WHEN d.step > b.memorisation_end THEN 'circuit formation'
        WHEN d.step <= b.memorisation_end THEN 'memorisation'
    END AS phase,
    d.weight_norm, d.restricted_loss, d.excluded_loss, d.test_loss
FROM measured AS d
JOIN runs AS r USING (run)
LEFT JOIN boundaries AS b USING (run, parameters)
ORDER BY r.name, d.run, d.parameters, d.step;
