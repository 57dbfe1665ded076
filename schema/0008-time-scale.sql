-- On which time scale a transition was fitted.

-- logarithmic: the sigmoid is one in log10(step + 1). linear: in the step. The one with the smaller
-- corrected Akaike criterion; NULL where there is no fit. `steepness` is ln 81 / width_decades for
-- both, so that runs fitted on different scales can be compared.
ALTER TABLE grokking_time ADD COLUMN time_scale TEXT;

DROP VIEW grokking_times;

CREATE VIEW grokking_times AS
SELECT
    r.id AS run, g.metric, g.threshold, g.memorisation_step, g.generalisation_step, g.gap,
    g.midpoint_step, g.steepness, g.width_decades, g.chance, g.label, g.rule,
    g.memorisation_before, g.generalisation_before, g.midpoint_low, g.midpoint_high,
    g.lower_plateau, g.upper_plateau, g.step_10, g.step_90, g.rmse, g.r_squared, g.fit,
    g.recrossing_count, a.analysis_key AS analysis, a.source, g.time_scale
FROM grokking_time AS g
JOIN analysis AS a USING (analysis_key)
JOIN run AS r USING (run_key)
WHERE a.superseded_by IS NULL;
