-- What is measured of the loss's curvature besides the ends of its spectrum.
--
-- Matrices are those of the mean cross-entropy alone, in nats per squared unit of weight: weight
-- decay, which AdamW applies apart from the gradient, is no part of them.

-- Trace of a matrix of curvature, or of the diagonal block of one tensor.
CREATE TABLE hessian_trace (
    analysis_key INTEGER NOT NULL REFERENCES analysis ON DELETE CASCADE,
    operator TEXT NOT NULL CHECK (operator IN ('hessian', 'gauss_newton')),
    -- train, test or all: the examples of the loss.
    split TEXT NOT NULL,
    -- The tensor of the block; total for the whole matrix.
    tensor TEXT NOT NULL,
    -- hutch++ (exact on a sketched subspace, random on the rest) or hutchinson.
    method TEXT NOT NULL,
    trace REAL,
    -- Standard error of the random part; 0 when the trace is exact, NULL from a single probe.
    standard_error REAL,
    -- Products with the matrix that were spent; those of blocks are shared by all blocks.
    product_count INTEGER NOT NULL,
    PRIMARY KEY (analysis_key, operator, split, tensor)
) WITHOUT ROWID;

-- Spectral density by stochastic Lanczos quadrature: for each random probe, the eigenvalues of its
-- projected matrix and the weight of each. (1/n) Σ f(λ) over all n eigenvalues is estimated by the
-- mean over probes of Σ weight · f(eigenvalue). Mass nearer to 0 than about the width of the
-- spectrum over the number of nodes is not resolved.
CREATE TABLE hessian_density (
    analysis_key INTEGER NOT NULL REFERENCES analysis ON DELETE CASCADE,
    operator TEXT NOT NULL CHECK (operator IN ('hessian', 'gauss_newton')),
    split TEXT NOT NULL,
    -- Both from 0; nodes rise.
    probe INTEGER NOT NULL,
    node INTEGER NOT NULL,
    eigenvalue REAL,
    -- In [0, 1]; those of a probe add up to 1.
    weight REAL,
    PRIMARY KEY (analysis_key, operator, split, probe, node)
) WITHOUT ROWID;

-- Largest eigenvalues of the diagonal block of one tensor.
CREATE TABLE hessian_block (
    analysis_key INTEGER NOT NULL REFERENCES analysis ON DELETE CASCADE,
    operator TEXT NOT NULL CHECK (operator IN ('hessian', 'gauss_newton')),
    split TEXT NOT NULL,
    tensor TEXT NOT NULL,
    -- From 1, the largest first.
    rank INTEGER NOT NULL,
    eigenvalue REAL,
    -- As in hessian_eigenvalue.
    residual REAL,
    converged INTEGER CHECK (converged IN (0, 1)),
    PRIMARY KEY (analysis_key, operator, split, tensor, rank)
) WITHOUT ROWID;

-- One number for how sharp the loss is around the weights.
CREATE TABLE sharpness (
    analysis_key INTEGER NOT NULL REFERENCES analysis ON DELETE CASCADE,
    -- preconditioned: the largest eigenvalue of D^(-1/2) H D^(-1/2) with Adam's
    -- D = (1 − β₁ᵗ)(√(v / (1 − β₂ᵗ)) + ε) (Cohen and others 2022). keskar: the rise of the loss in
    -- a small box of a random subspace of 10 dimensions, 100 (max L − L) / (1 + L), in percent; a
    -- bound from below (Keskar and others 2017, equation 4).
    measure TEXT NOT NULL CHECK (measure IN ('preconditioned', 'keskar')),
    split TEXT NOT NULL,
    value REAL,
    -- preconditioned: length of the eigenpair's residual, and whether its error bound is met.
    residual REAL,
    converged INTEGER CHECK (converged IN (0, 1)),
    -- preconditioned: learning rate η of the next update; NULL thresholds where it is 0.
    learning_rate REAL,
    -- Above (2 + 2β₁) / ((1 − β₁) η) Adam is unstable; with decoupled decay λ above
    -- (1 + β₁)(2 − ηλ) / ((1 − β₁) η).
    threshold REAL,
    threshold_with_decay REAL,
    -- keskar: the loss at the weights and the largest one found, in nats.
    loss REAL,
    largest_loss REAL,
    PRIMARY KEY (analysis_key, measure, split)
) WITHOUT ROWID;

CREATE VIEW hessian_traces AS
SELECT
    r.id AS run, a.step, t.operator, t.split, t.tensor, t.method, t.trace, t.standard_error,
    t.product_count, a.dtype, a.seed, a.analysis_key AS analysis, a.source
FROM hessian_trace AS t
JOIN analysis AS a USING (analysis_key)
JOIN run AS r USING (run_key)
WHERE a.superseded_by IS NULL;

CREATE VIEW hessian_densities AS
SELECT
    r.id AS run, a.step, d.operator, d.split, d.probe, d.node, d.eigenvalue, d.weight, a.dtype,
    a.seed, a.analysis_key AS analysis, a.source
FROM hessian_density AS d
JOIN analysis AS a USING (analysis_key)
JOIN run AS r USING (run_key)
WHERE a.superseded_by IS NULL;

CREATE VIEW hessian_blocks AS
SELECT
    r.id AS run, a.step, b.operator, b.split, b.tensor, b.rank, b.eigenvalue, b.residual,
    b.converged, a.dtype, a.seed, a.analysis_key AS analysis, a.source
FROM hessian_block AS b
JOIN analysis AS a USING (analysis_key)
JOIN run AS r USING (run_key)
WHERE a.superseded_by IS NULL;

-- `share_of_threshold` is value / threshold_with_decay: 1 is the edge of stability.
CREATE VIEW sharpness_measures AS
SELECT
    r.id AS run, a.step, s.measure, s.split, s.value, s.residual, s.converged, s.learning_rate,
    s.threshold, s.threshold_with_decay, s.value / s.threshold_with_decay AS share_of_threshold,
    s.loss, s.largest_loss, a.dtype, a.seed, a.analysis_key AS analysis, a.source
FROM sharpness AS s
JOIN analysis AS a USING (analysis_key)
JOIN run AS r USING (run_key)
WHERE a.superseded_by IS NULL;

-- All of them with the ends of the spectrum, one number a row: `error` is the residual of an
-- eigenvalue, the standard error of a trace, the weight of a node of the density.
CREATE VIEW curvature_measures AS
SELECT
    run, step, side || '_eigenvalue' AS measure, operator, split, 'total' AS tensor, rank,
    eigenvalue AS value, residual AS error, converged, analysis, source
FROM hessian_eigenvalues
UNION ALL
SELECT
    run, step, 'trace', operator, split, tensor, NULL, trace, standard_error, NULL, analysis,
    source
FROM hessian_traces
UNION ALL
SELECT
    run, step, 'block_eigenvalue', operator, split, tensor, rank, eigenvalue, residual, converged,
    analysis, source
FROM hessian_blocks
UNION ALL
SELECT
    run, step, measure || '_sharpness', 'hessian', split, 'total', NULL, value, residual,
    converged, analysis, source
FROM sharpness_measures
UNION ALL
SELECT
    run, step, 'density_node', operator, split, 'total', node, eigenvalue, weight, NULL, analysis,
    source
FROM hessian_densities;
