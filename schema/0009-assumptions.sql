-- What a number rests on, beside the number: see "What each number assumes" in the documentation.

-- Steps between the evaluations around the midpoint; 1 when the 95 % interval midpoint_low …
-- midpoint_high is narrower than that, so that it rests on the rise being the fitted sigmoid. NULL
-- where there is no fit.
ALTER TABLE grokking_time ADD COLUMN spacing REAL;
ALTER TABLE grokking_time ADD COLUMN finer_than_data INTEGER CHECK (finer_than_data IN (0, 1));

-- How the eigenvalue was found, and how copies of repeated eigenvalues were looked for.
ALTER TABLE hessian_eigenvalue ADD COLUMN method TEXT;

-- How many rows the value is a mean over, and among how many answers the network chooses there: the
-- elements of the group. Training may cover more rows and answers. NULL where no rows are involved.
ALTER TABLE progress_measure ADD COLUMN row_count INTEGER;
ALTER TABLE progress_measure ADD COLUMN class_count INTEGER;

-- keskar: how many random subspaces were searched; value is the median of their sharpnesses, low and
-- high are the smallest and the largest.
ALTER TABLE sharpness ADD COLUMN subspace_count INTEGER;
ALTER TABLE sharpness ADD COLUMN low REAL;
ALTER TABLE sharpness ADD COLUMN high REAL;

DROP VIEW grokking_times;

CREATE VIEW grokking_times AS
SELECT
    r.id AS run, g.metric, g.threshold, g.memorisation_step, g.generalisation_step, g.gap,
    g.midpoint_step, g.steepness, g.width_decades, g.chance, g.label, g.rule,
    g.memorisation_before, g.generalisation_before, g.midpoint_low, g.midpoint_high,
    g.lower_plateau, g.upper_plateau, g.step_10, g.step_90, g.rmse, g.r_squared, g.fit,
    g.recrossing_count, a.analysis_key AS analysis, a.source, g.time_scale, g.spacing,
    g.finer_than_data
FROM grokking_time AS g
JOIN analysis AS a USING (analysis_key)
JOIN run AS r USING (run_key)
WHERE a.superseded_by IS NULL;

DROP VIEW hessian_eigenvalues;

CREATE VIEW hessian_eigenvalues AS
SELECT
    r.id AS run, a.step, h.operator, h.split, h.side, h.rank, h.eigenvalue, h.residual,
    h.converged, a.analysis_key AS analysis, a.source, h.method
FROM hessian_eigenvalue AS h
JOIN analysis AS a USING (analysis_key)
JOIN run AS r USING (run_key)
WHERE a.superseded_by IS NULL;

DROP VIEW progress_measures;

CREATE VIEW progress_measures AS
SELECT
    r.id AS run, a.step, p.measure, p.variant, p.split, p.value, a.analysis_key AS analysis,
    a.source, p.row_count, p.class_count
FROM progress_measure AS p
JOIN analysis AS a USING (analysis_key)
JOIN run AS r USING (run_key)
WHERE a.superseded_by IS NULL;

DROP VIEW sharpness_measures;

-- `share_of_threshold` is value / threshold_with_decay: 1 is the edge of stability.
CREATE VIEW sharpness_measures AS
SELECT
    r.id AS run, a.step, s.measure, s.split, s.value, s.residual, s.converged, s.learning_rate,
    s.threshold, s.threshold_with_decay, s.value / s.threshold_with_decay AS share_of_threshold,
    s.loss, s.largest_loss, a.dtype, a.seed, a.analysis_key AS analysis, a.source,
    s.subspace_count, s.low, s.high
FROM sharpness AS s
JOIN analysis AS a USING (analysis_key)
JOIN run AS r USING (run_key)
WHERE a.superseded_by IS NULL;
