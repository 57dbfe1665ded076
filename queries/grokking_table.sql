-- When did each run memorise and generalise, and what kind of learning was it?
-- :threshold = 0.99  the accuracy that counts
--
-- Reads what `cairn analyze grokking` found.
SELECT
    r.name, r.run, g.label, g.memorisation_step, g.generalisation_step, g.gap,
    1.0 * g.generalisation_step / nullif(g.memorisation_step, 0) AS ratio, g.midpoint_step,
    g.width_decades
FROM grokking_times AS g
JOIN runs AS r USING (run)
WHERE g.threshold = :threshold AND g.rule = 'sustained'
ORDER BY g.generalisation_step IS NULL, g.generalisation_step, r.run;
