-- When did each run memorise and generalise, and what kind of learning was it?
-- :threshold = 0.99  the accuracy that counts; runs of losses alone have their own
-- :sweep = *  the sweep whose runs count, or a pattern such as decay*; * for every run
--
-- Reads what `cairn analyze grokking` found.
SELECT
    r.name, r.run, g.label, g.metric, g.memorisation_step, g.generalisation_step, g.gap,
    1.0 * g.generalisation_step / nullif(g.memorisation_step, 0) AS ratio, g.midpoint_step,
    g.width_decades
FROM grokking_times AS g
JOIN runs AS r USING (run)
WHERE (g.threshold = :threshold OR g.metric = 'test_loss') AND g.rule = 'sustained'
    AND (:sweep = '*' OR g.run IN (
        SELECT run FROM hyperparameters WHERE name = 'sweep' AND value GLOB :sweep))
ORDER BY g.generalisation_step IS NULL, g.generalisation_step, r.run;
