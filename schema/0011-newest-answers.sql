-- Of several answers that differ in how they were computed alone, views show the newest.
--
-- Ten eigenvalues after five or another tolerance answer the same question again. Rows of both in one
-- view could be told apart by the number of their analysis only. Number type and seed are columns.
-- `analyses` lists all, and an answer is shown again as soon as it is asked for again.

-- When the answer was last asked for again, in seconds since 1970; NULL when never since it was
-- computed.
ALTER TABLE analysis ADD COLUMN asked_at REAL;
-- 1 for the answer that views show: of those about the same run, step, split, number type and seed to
-- the same kind of question, the one that was asked for last. Kept up to date by triggers.
ALTER TABLE analysis ADD COLUMN shown INTEGER NOT NULL DEFAULT 1 CHECK (shown IN (0, 1));

-- The options that say what was asked about, rather than how it was computed: measure, operator,
-- network, tensor and axis as a JSON array. A column, since triggers may not take JSON apart.
ALTER TABLE analysis ADD COLUMN about TEXT NOT NULL DEFAULT '';
UPDATE analysis SET about = json_array(parameters ->> 'measure', parameters ->> 'operator',
    parameters ->> 'network', parameters ->> 'tensor', parameters ->> 'axis');

CREATE TRIGGER answer_added AFTER INSERT ON analysis
BEGIN
    UPDATE analysis SET shown = analysis_key IS (
        SELECT o.analysis_key FROM analysis AS o
        WHERE o.superseded_by IS NULL AND o.run_key = new.run_key AND o.kind = new.kind
            AND o.step IS new.step AND o.source = new.source
            AND o.split IS new.split AND o.dtype IS new.dtype AND o.seed IS new.seed
            AND o.about = new.about
        ORDER BY ifnull(o.asked_at, o.computed_at) DESC, o.analysis_key DESC LIMIT 1)
    WHERE analysis_key IN (
        SELECT o.analysis_key FROM analysis AS o
        WHERE o.run_key = new.run_key AND o.kind = new.kind
            AND o.step IS new.step AND o.source = new.source
            AND o.split IS new.split AND o.dtype IS new.dtype AND o.seed IS new.seed
            AND o.about = new.about);
END;

CREATE TRIGGER answer_changed AFTER UPDATE OF superseded_by, asked_at ON analysis
BEGIN
    UPDATE analysis SET shown = analysis_key IS (
        SELECT o.analysis_key FROM analysis AS o
        WHERE o.superseded_by IS NULL AND o.run_key = new.run_key AND o.kind = new.kind
            AND o.step IS new.step AND o.source = new.source
            AND o.split IS new.split AND o.dtype IS new.dtype AND o.seed IS new.seed
            AND o.about = new.about
        ORDER BY ifnull(o.asked_at, o.computed_at) DESC, o.analysis_key DESC LIMIT 1)
    WHERE analysis_key IN (
        SELECT o.analysis_key FROM analysis AS o
        WHERE o.run_key = new.run_key AND o.kind = new.kind
            AND o.step IS new.step AND o.source = new.source
            AND o.split IS new.split AND o.dtype IS new.dtype AND o.seed IS new.seed
            AND o.about = new.about);
END;

CREATE TRIGGER answer_removed AFTER DELETE ON analysis
BEGIN
    UPDATE analysis SET shown = analysis_key IS (
        SELECT o.analysis_key FROM analysis AS o
        WHERE o.superseded_by IS NULL AND o.run_key = old.run_key AND o.kind = old.kind
            AND o.step IS old.step AND o.source = old.source
            AND o.split IS old.split AND o.dtype IS old.dtype AND o.seed IS old.seed
            AND o.about = old.about
        ORDER BY ifnull(o.asked_at, o.computed_at) DESC, o.analysis_key DESC LIMIT 1)
    WHERE analysis_key IN (
        SELECT o.analysis_key FROM analysis AS o
        WHERE o.run_key = old.run_key AND o.kind = old.kind
            AND o.step IS old.step AND o.source = old.source
            AND o.split IS old.split AND o.dtype IS old.dtype AND o.seed IS old.seed
            AND o.about = old.about);
END;

-- Each group of answers once, by its newest member, as if that had just been asked for.
UPDATE analysis SET superseded_by = superseded_by
WHERE analysis_key IN (
    SELECT max(analysis_key) FROM analysis WHERE superseded_by IS NULL
    GROUP BY run_key, kind, step, source, split, dtype, seed, about
    HAVING count(*) > 1);

DROP VIEW weight_tails;

CREATE VIEW weight_tails AS
SELECT
    r.id AS run, a.step, t.tensor, t.power_law_exponent, t.power_law_error, t.power_law_distance,
    t.tail_start, t.tail_count, t.correlation_traps, t.trap_edge, t.bulk_deviation, t.largest,
    a.seed, a.analysis_key AS analysis, a.source
FROM weight_tail AS t
JOIN analysis AS a USING (analysis_key)
JOIN run AS r USING (run_key)
WHERE a.superseded_by IS NULL AND a.shown;

DROP VIEW fourier_spectra;

CREATE VIEW fourier_spectra AS
SELECT
    r.id AS run, a.step, s.tensor, s.basis, s.frequency, s.power, s.share,
    a.analysis_key AS analysis, a.source, s.component, s.dimension
FROM fourier_spectrum AS s
JOIN analysis AS a USING (analysis_key)
JOIN run AS r USING (run_key)
WHERE a.superseded_by IS NULL AND a.shown;

DROP VIEW progress_measures;

CREATE VIEW progress_measures AS
SELECT
    r.id AS run, a.step, p.measure, p.variant, p.split, p.value, a.analysis_key AS analysis,
    a.source, p.row_count, p.class_count
FROM progress_measure AS p
JOIN analysis AS a USING (analysis_key)
JOIN run AS r USING (run_key)
WHERE a.superseded_by IS NULL AND a.shown;

DROP VIEW hessian_eigenvalues;

CREATE VIEW hessian_eigenvalues AS
SELECT
    r.id AS run, a.step, h.operator, h.split, h.side, h.rank, h.eigenvalue, h.residual,
    h.converged, a.analysis_key AS analysis, a.source, h.method, a.dtype, a.seed
FROM hessian_eigenvalue AS h
JOIN analysis AS a USING (analysis_key)
JOIN run AS r USING (run_key)
WHERE a.superseded_by IS NULL AND a.shown;

DROP VIEW hessian_traces;

CREATE VIEW hessian_traces AS
SELECT
    r.id AS run, a.step, t.operator, t.split, t.tensor, t.method, t.trace, t.standard_error,
    t.product_count, a.dtype, a.seed, a.analysis_key AS analysis, a.source
FROM hessian_trace AS t
JOIN analysis AS a USING (analysis_key)
JOIN run AS r USING (run_key)
WHERE a.superseded_by IS NULL AND a.shown;

DROP VIEW hessian_densities;

CREATE VIEW hessian_densities AS
SELECT
    r.id AS run, a.step, d.operator, d.split, d.probe, d.node, d.eigenvalue, d.weight, a.dtype,
    a.seed, a.analysis_key AS analysis, a.source
FROM hessian_density AS d
JOIN analysis AS a USING (analysis_key)
JOIN run AS r USING (run_key)
WHERE a.superseded_by IS NULL AND a.shown;

DROP VIEW hessian_blocks;

CREATE VIEW hessian_blocks AS
SELECT
    r.id AS run, a.step, b.operator, b.split, b.tensor, b.rank, b.eigenvalue, b.residual,
    b.converged, a.dtype, a.seed, a.analysis_key AS analysis, a.source
FROM hessian_block AS b
JOIN analysis AS a USING (analysis_key)
JOIN run AS r USING (run_key)
WHERE a.superseded_by IS NULL AND a.shown;

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
WHERE a.superseded_by IS NULL AND a.shown;

DROP VIEW measurements;

CREATE VIEW measurements AS
SELECT
    r.id AS run, a.step, a.kind, m.measure, m.subject, m.position, m.value, m.text,
    coalesce(nullif(m.split, ''), a.split) AS split, a.analysis_key AS analysis, a.source,
    m.variant
FROM measurement AS m
JOIN analysis AS a USING (analysis_key)
JOIN run AS r USING (run_key)
WHERE a.superseded_by IS NULL AND a.shown;

DROP VIEW grokking_times;

-- Thresholds are columns, so that answers for several are shown together: of each threshold and rule
-- the row that has a label and a fit before one that only crosses, then the newest.
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
WHERE a.superseded_by IS NULL
    AND NOT EXISTS (
        SELECT 1 FROM analysis AS b JOIN grokking_time AS o USING (analysis_key)
        WHERE b.run_key = a.run_key AND b.kind = a.kind AND b.source = a.source
            AND b.superseded_by IS NULL AND o.metric = g.metric AND o.threshold = g.threshold
            AND o.rule = g.rule
            AND (o.recrossing_count IS NOT NULL, ifnull(b.asked_at, b.computed_at), b.analysis_key)
                > (g.recrossing_count IS NOT NULL, ifnull(a.asked_at, a.computed_at),
                    a.analysis_key));

DROP VIEW curvature_measures;

-- All of them with the ends of the spectrum, one number a row: `error` is the residual of an
-- eigenvalue, the standard error of a trace, the weight of a node of the density.
CREATE VIEW curvature_measures AS
SELECT
    run, step, side || '_eigenvalue' AS measure, operator, split, 'total' AS tensor, rank,
    eigenvalue AS value, residual AS error, converged, analysis,
    source, dtype, seed
FROM hessian_eigenvalues
UNION ALL
SELECT
    run, step, 'trace', operator, split, tensor, NULL, trace, standard_error, NULL, analysis,
    source, dtype, seed
FROM hessian_traces
UNION ALL
SELECT
    run, step, 'block_eigenvalue', operator, split, tensor, rank, eigenvalue, residual, converged,
    analysis, source, dtype, seed
FROM hessian_blocks
UNION ALL
SELECT
    run, step, measure || '_sharpness', 'hessian', split, 'total', NULL, value, residual,
    converged, analysis, source, dtype, seed
FROM sharpness_measures
UNION ALL
SELECT
    run, step, 'density_node', operator, split, 'total', node, eigenvalue, weight, NULL, analysis,
    source, dtype, seed
FROM hessian_densities;

