-- Further measures of analyses, and what their answers depend on.

-- Digest of what went into an answer besides the weights of its step (another checkpoint, the
-- optimiser's state); NULL where nothing did. An answer with another one is out of date.
ALTER TABLE analysis ADD COLUMN context_digest TEXT;

-- −Σσ̂ ln σ̂ of the normalised singular values, in nats; NULL for vectors and for `total`.
ALTER TABLE weight_norm ADD COLUMN spectral_entropy REAL;
-- Euclidean distance from the weights of the run's first stored checkpoint.
ALTER TABLE weight_norm ADD COLUMN distance_from_initial REAL;
-- Euclidean distance from the weights of the previous stored checkpoint, and that one's step; NULL
-- for the first.
ALTER TABLE weight_norm ADD COLUMN update_size REAL;
ALTER TABLE weight_norm ADD COLUMN update_from_step INTEGER;
-- Sum of the Euclidean norms of all tensors; only for `total`.
ALTER TABLE weight_norm ADD COLUMN sum_of_norms REAL;

-- How the squared singular values of a tensor with at least 50 of them are spread.
CREATE TABLE weight_tail (
    analysis_key INTEGER NOT NULL REFERENCES analysis ON DELETE CASCADE,
    tensor TEXT NOT NULL,
    -- Exponent of the density λ^(−exponent) of the squared singular values from tail_start on, its
    -- standard error, its Kolmogorov–Smirnov distance, and how many values are in the tail.
    power_law_exponent REAL,
    power_law_error REAL,
    power_law_distance REAL,
    tail_start REAL,
    tail_count INTEGER,
    -- Squared singular values of the shuffled tensor, scaled to mean 1, above the edge of their
    -- bulk; that edge; standard deviation of the fitted bulk; the largest of them.
    correlation_traps INTEGER,
    trap_edge REAL,
    bulk_deviation REAL,
    largest REAL,
    PRIMARY KEY (analysis_key, tensor)
) WITHOUT ROWID;

-- The name of the component where it is more than a number: an irreducible representation.
ALTER TABLE fourier_spectrum ADD COLUMN component TEXT;
-- Dimension of the component's real representation: 1 for the constant, 2 for a cosine and a sine.
ALTER TABLE fourier_spectrum ADD COLUMN dimension INTEGER;

-- Power of a function of two operands, such as the logits, at a pair of components.
CREATE TABLE pair_spectrum (
    analysis_key INTEGER NOT NULL REFERENCES analysis ON DELETE CASCADE,
    -- logits, or hidden: the hidden layer at the read-out.
    tensor TEXT NOT NULL,
    basis TEXT NOT NULL,
    -- Components of the left and of the right operand, as fourier_spectrum.frequency.
    left_frequency INTEGER NOT NULL,
    right_frequency INTEGER NOT NULL,
    -- Summed over all pairs, the squared length of the function.
    power REAL,
    -- power divided by the sum of all powers but that of the constant pair; in [0, 1].
    share REAL,
    PRIMARY KEY (analysis_key, tensor, basis, left_frequency, right_frequency)
) WITHOUT ROWID;

DROP VIEW measurements;

-- Any other measured number, for kinds of analysis that need no table of their own.
CREATE TABLE measured (
    analysis_key INTEGER NOT NULL REFERENCES analysis ON DELETE CASCADE,
    measure TEXT NOT NULL,
    -- The tensor, layer or unit it is about; '' for the whole network.
    subject TEXT NOT NULL DEFAULT '',
    -- Place in a list of values, from 0.
    position INTEGER NOT NULL DEFAULT 0,
    value REAL,
    -- A value that is not a number, or why there is none.
    text TEXT,
    -- Which of several definitions; '' where there is one.
    variant TEXT NOT NULL DEFAULT '',
    -- train, test or all: the examples it was measured on; '' for those of the analysis.
    split TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (analysis_key, measure, variant, split, subject, position)
) WITHOUT ROWID;

INSERT INTO measured (analysis_key, measure, subject, position, value, text)
SELECT analysis_key, measure, subject, position, value, text FROM measurement;

DROP TABLE measurement;

ALTER TABLE measured RENAME TO measurement;

DROP VIEW analyses;

-- `stale` is 1 when the code changed since, or the checkpoint now holds other weights.
CREATE VIEW analyses AS
SELECT
    a.analysis_key AS analysis, r.id AS run, a.step, a.kind, a.parameters, a.code_version, a.split,
    a.dtype, a.seed, a.cost_seconds, a.computed_at,
    max(a.stale, c.digest IS NOT NULL AND lower(hex(c.digest)) <> a.digest) AS stale,
    a.digest, a.source, a.superseded_by, a.context_digest
FROM analysis AS a
JOIN run AS r USING (run_key)
LEFT JOIN checkpoint AS c ON c.run_key = a.run_key AND c.step = a.step;

CREATE VIEW measurements AS
SELECT
    r.id AS run, a.step, a.kind, m.measure, m.subject, m.position, m.value, m.text,
    coalesce(nullif(m.split, ''), a.split) AS split, a.analysis_key AS analysis, a.source,
    m.variant
FROM measurement AS m
JOIN analysis AS a USING (analysis_key)
JOIN run AS r USING (run_key)
WHERE a.superseded_by IS NULL;

DROP VIEW weight_norms;

CREATE VIEW weight_norms AS
SELECT
    r.id AS run, a.step, w.tensor, w.l2, w.rms, w.linf, w.spectral, w.stable_rank,
    w.effective_rank, w.l1, w.nuclear, a.analysis_key AS analysis, a.source, w.spectral_entropy,
    w.distance_from_initial, w.update_size, w.update_from_step, w.sum_of_norms
FROM weight_norm AS w
JOIN analysis AS a USING (analysis_key)
JOIN run AS r USING (run_key)
WHERE a.superseded_by IS NULL;

CREATE VIEW weight_tails AS
SELECT
    r.id AS run, a.step, t.tensor, t.power_law_exponent, t.power_law_error, t.power_law_distance,
    t.tail_start, t.tail_count, t.correlation_traps, t.trap_edge, t.bulk_deviation, t.largest,
    a.seed, a.analysis_key AS analysis, a.source
FROM weight_tail AS t
JOIN analysis AS a USING (analysis_key)
JOIN run AS r USING (run_key)
WHERE a.superseded_by IS NULL;

DROP VIEW fourier_spectra;

CREATE VIEW fourier_spectra AS
SELECT
    r.id AS run, a.step, s.tensor, s.basis, s.frequency, s.power, s.share,
    a.analysis_key AS analysis, a.source, s.component, s.dimension
FROM fourier_spectrum AS s
JOIN analysis AS a USING (analysis_key)
JOIN run AS r USING (run_key)
WHERE a.superseded_by IS NULL;

CREATE VIEW pair_spectra AS
SELECT
    r.id AS run, a.step, p.tensor, p.basis, p.left_frequency, p.right_frequency, p.power, p.share,
    a.analysis_key AS analysis, a.source
FROM pair_spectrum AS p
JOIN analysis AS a USING (analysis_key)
JOIN run AS r USING (run_key)
WHERE a.superseded_by IS NULL;
