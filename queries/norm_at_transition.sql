-- What was the weight norm at memorisation, at the transition and at the end of each run?
-- :threshold = 0.99  the accuracy that counts; runs of losses alone have their own
-- :tensor = total  the tensor, or all weights together
--
-- Reads what `cairn analyze norms` and `cairn analyze grokking` found; a norm is that of the last
-- analysed checkpoint at or before the step, the first that of the first checkpoint where that was
-- analysed; the transition is the middle of the fitted rise.
SELECT
    r.name, g.run, g.memorisation_step, g.midpoint_step,
    g.generalisation_step,
    (SELECT w.l2 FROM weight_norms AS w WHERE w.run = g.run AND w.tensor = :tensor
        AND w.step = r.first_step) AS first_norm,
    (SELECT w.l2 FROM weight_norms AS w WHERE w.run = g.run AND w.tensor = :tensor
        AND w.step <= g.memorisation_step ORDER BY w.step DESC LIMIT 1) AS memorisation_norm,
    (SELECT w.l2 FROM weight_norms AS w WHERE w.run = g.run AND w.tensor = :tensor
        AND w.step <= g.midpoint_step ORDER BY w.step DESC LIMIT 1) AS transition_norm,
    (SELECT w.l2 FROM weight_norms AS w WHERE w.run = g.run AND w.tensor = :tensor
        AND w.step <= g.generalisation_step ORDER BY w.step DESC LIMIT 1) AS generalisation_norm,
    (SELECT w.l2 FROM weight_norms AS w WHERE w.run = g.run AND w.tensor = :tensor
        ORDER BY w.step DESC LIMIT 1) AS last_norm
FROM grokking_times AS g
JOIN runs AS r USING (run)
WHERE (g.threshold = :threshold OR g.metric = 'test_loss') AND g.rule = 'sustained'
ORDER BY r.name, g.run;
