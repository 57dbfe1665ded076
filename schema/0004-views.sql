-- The public SQL surface. Names and columns are kept from version to version; more may be added.
-- `run` is the run's id everywhere; the meaning and unit of each column is at the table it comes
-- from (0001-runs.sql, 0002-checkpoints.sql, 0003-results.sql).

CREATE VIEW runs AS
SELECT
    id AS run, name, status, task, network, seed, parent_run, parent_step, first_step, last_step,
    checkpoint_count, parameter_count, weight_bytes, created_at, finished_at
FROM run;

-- What a run was made from, as JSON.
CREATE VIEW configurations AS
SELECT
    r.id AS run, d.configuration, d.versions, d.origin_path, d.origin_digest, d.origin_layout,
    d.train_count, d.test_count
FROM run_document AS d
JOIN run AS r USING (run_key);

CREATE VIEW hyperparameters AS
SELECT r.id AS run, h.name, h.value, h.type, h.position
FROM hyperparameter AS h
JOIN run AS r USING (run_key);

CREATE VIEW metrics AS
SELECT r.id AS run, n.name, m.step, m.value
FROM metric AS m
JOIN run AS r USING (run_key)
JOIN metric_name AS n USING (name_key);

-- One row per curve: how long it is and where it ended.
CREATE VIEW metric_summaries AS
SELECT
    r.id AS run, n.name, s.point_count, s.first_step, s.last_step, s.last_value, s.smallest,
    s.largest
FROM metric_summary AS s
JOIN run AS r USING (run_key)
JOIN metric_name AS n USING (name_key);

-- `step` is NULL where the whole run is tagged.
CREATE VIEW tags AS
SELECT r.id AS run, t.tag, nullif(t.step, -1) AS step
FROM tag AS t
JOIN run AS r USING (run_key);

CREATE VIEW checkpoints AS
SELECT
    r.id AS run, c.step, 'runs/' || r.id || '/' || f.path AS file, c.position, c.bytes,
    lower(hex(c.digest)) AS digest, c.optimizer_file_key IS NOT NULL AS has_optimizer_state
FROM checkpoint AS c
JOIN run AS r USING (run_key)
JOIN file AS f USING (file_key);

CREATE VIEW files AS
SELECT
    r.id AS run, 'runs/' || r.id || '/' || f.path AS file, f.kind, f.bytes,
    (SELECT count(*) FROM checkpoint AS c WHERE c.file_key = f.file_key) AS checkpoint_count
FROM file AS f
JOIN run AS r USING (run_key);

CREATE VIEW tensors AS
SELECT r.id AS run, t.name, t.shape, t.dtype, t.element_count
FROM tensor AS t
JOIN run AS r USING (run_key);

-- The SHA-256 of each tensor of each checkpoint.
CREATE VIEW tensor_digests AS
SELECT
    r.id AS run, c.step, t.name AS tensor,
    lower(hex(substr(c.tensor_digests, 32 * t.position + 1, 32))) AS digest
FROM checkpoint AS c
JOIN run AS r USING (run_key)
JOIN tensor AS t USING (run_key);

-- `stale` is 1 when the code changed since, or the checkpoint now holds other weights.
CREATE VIEW analyses AS
SELECT
    a.analysis_key AS analysis, r.id AS run, a.step, a.kind, a.parameters, a.code_version, a.split,
    a.dtype, a.seed, a.cost_seconds, a.computed_at,
    max(a.stale, c.digest IS NOT NULL AND lower(hex(c.digest)) <> a.digest) AS stale,
    a.digest, a.source, a.superseded_by
FROM analysis AS a
JOIN run AS r USING (run_key)
LEFT JOIN checkpoint AS c ON c.run_key = a.run_key AND c.step = a.step;

-- The result views show the current answers; `analyses` lists the superseded ones too.
CREATE VIEW weight_norms AS
SELECT
    r.id AS run, a.step, w.tensor, w.l2, w.rms, w.linf, w.spectral, w.stable_rank,
    w.effective_rank, w.l1, w.nuclear, a.analysis_key AS analysis, a.source
FROM weight_norm AS w
JOIN analysis AS a USING (analysis_key)
JOIN run AS r USING (run_key)
WHERE a.superseded_by IS NULL;

CREATE VIEW fourier_spectra AS
SELECT
    r.id AS run, a.step, s.tensor, s.basis, s.frequency, s.power, s.share,
    a.analysis_key AS analysis, a.source
FROM fourier_spectrum AS s
JOIN analysis AS a USING (analysis_key)
JOIN run AS r USING (run_key)
WHERE a.superseded_by IS NULL;

CREATE VIEW progress_measures AS
SELECT
    r.id AS run, a.step, p.measure, p.variant, p.split, p.value, a.analysis_key AS analysis,
    a.source
FROM progress_measure AS p
JOIN analysis AS a USING (analysis_key)
JOIN run AS r USING (run_key)
WHERE a.superseded_by IS NULL;

CREATE VIEW hessian_eigenvalues AS
SELECT
    r.id AS run, a.step, h.operator, h.split, h.side, h.rank, h.eigenvalue, h.residual,
    h.converged, a.analysis_key AS analysis, a.source
FROM hessian_eigenvalue AS h
JOIN analysis AS a USING (analysis_key)
JOIN run AS r USING (run_key)
WHERE a.superseded_by IS NULL;

CREATE VIEW grokking_times AS
SELECT
    r.id AS run, g.metric, g.threshold, g.memorisation_step, g.generalisation_step, g.gap,
    g.midpoint_step, g.steepness, g.width_decades, g.chance, g.label, g.rule,
    g.memorisation_before, g.generalisation_before, g.midpoint_low, g.midpoint_high,
    g.lower_plateau, g.upper_plateau, g.step_10, g.step_90, g.rmse, g.r_squared, g.fit,
    g.recrossing_count, a.analysis_key AS analysis, a.source
FROM grokking_time AS g
JOIN analysis AS a USING (analysis_key)
JOIN run AS r USING (run_key)
WHERE a.superseded_by IS NULL;

CREATE VIEW measurements AS
SELECT
    r.id AS run, a.step, a.kind, m.measure, m.subject, m.position, m.value, m.text, a.split,
    a.analysis_key AS analysis, a.source
FROM measurement AS m
JOIN analysis AS a USING (analysis_key)
JOIN run AS r USING (run_key)
WHERE a.superseded_by IS NULL;
