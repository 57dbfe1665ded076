-- The ledger of analyses and their results.
--
-- These rows are not in the HDF5 files. `cairn reindex` keeps them as long as the index opens.
-- A result row belongs to exactly one row of `analysis`; nothing is ever overwritten: a newer
-- answer to the same question marks the older one as superseded.

-- One row per question that was answered: what was computed, from which weights, and how.
CREATE TABLE analysis (
    analysis_key INTEGER PRIMARY KEY,
    run_key INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    -- The checkpoint it was computed from; NULL for an analysis of a whole run.
    step INTEGER,
    -- Hexadecimal SHA-256 of the input: the checkpoint's digest, or for a whole run the digest of
    -- the curves or checkpoints that went in.
    digest TEXT NOT NULL,
    -- norms, fourier, hessian, grokking, progress, …
    kind TEXT NOT NULL,
    -- The options of the analysis as a JSON object with sorted keys and no spaces.
    parameters TEXT NOT NULL DEFAULT '{}',
    -- Version of this kind's code; for imported values, the version that their source states.
    code_version TEXT NOT NULL,
    -- computed by Cairn, or imported with a run from elsewhere.
    source TEXT NOT NULL DEFAULT 'computed' CHECK (source IN ('computed', 'imported')),
    -- train, test or all; NULL where no examples are involved.
    split TEXT,
    -- Number type of the computation, for example float64.
    dtype TEXT,
    -- Seed of the analysis's own random numbers; NULL when it has none.
    seed INTEGER,
    -- Wall-clock seconds the computation took.
    cost_seconds REAL,
    -- When it was computed, in seconds since 1970.
    computed_at REAL NOT NULL,
    -- 1 when the code or the input is known to have changed since.
    stale INTEGER NOT NULL DEFAULT 0 CHECK (stale IN (0, 1)),
    -- The newer answer to the same question (analysis_key); NULL for the current one. Not a
    -- foreign key, so that the old answer can be marked before the new one is inserted.
    superseded_by INTEGER
);

CREATE INDEX analysis_by_run ON analysis (run_key, kind, step);

-- At most one current answer per question.
CREATE UNIQUE INDEX analysis_question ON analysis (
    run_key, kind, ifnull(step, -1), parameters, ifnull(split, ''), ifnull(dtype, ''),
    ifnull(seed, -1), source
) WHERE superseded_by IS NULL;

-- Norms of one tensor, or of all weights as one vector (`total`).
CREATE TABLE weight_norm (
    analysis_key INTEGER NOT NULL REFERENCES analysis ON DELETE CASCADE,
    tensor TEXT NOT NULL,
    -- Euclidean norm; root mean square; largest absolute value.
    l2 REAL,
    rms REAL,
    linf REAL,
    -- Largest singular value; (l2 / spectral)²; exp of the entropy of the normalised singular
    -- values. NULL for vectors and for `total`.
    spectral REAL,
    stable_rank REAL,
    effective_rank REAL,
    -- Sum of absolute values; sum of singular values.
    l1 REAL,
    nuclear REAL,
    PRIMARY KEY (analysis_key, tensor)
) WITHOUT ROWID;

-- Power of one tensor at one frequency of one basis.
CREATE TABLE fourier_spectrum (
    analysis_key INTEGER NOT NULL REFERENCES analysis ON DELETE CASCADE,
    tensor TEXT NOT NULL,
    -- For example cyclic, or the name of a group's basis.
    basis TEXT NOT NULL,
    -- Cycles per modulus, 0 for the constant; for a group, the index of a representation.
    frequency INTEGER NOT NULL,
    -- Squared length of the tensor's component at this frequency; summed over frequencies, the
    -- squared length of the tensor (Parseval).
    power REAL,
    -- power divided by the sum of all powers but that of the constant; in [0, 1].
    share REAL,
    PRIMARY KEY (analysis_key, tensor, basis, frequency)
) WITHOUT ROWID;

-- Measures of how far training has come, such as restricted and excluded loss.
CREATE TABLE progress_measure (
    analysis_key INTEGER NOT NULL REFERENCES analysis ON DELETE CASCADE,
    measure TEXT NOT NULL,
    -- Which of the published definitions; '' where there is one.
    variant TEXT NOT NULL DEFAULT '',
    -- train, test or all: the examples it was measured on.
    split TEXT NOT NULL DEFAULT '',
    value REAL,
    PRIMARY KEY (analysis_key, measure, variant, split)
) WITHOUT ROWID;

-- Extreme eigenvalues of the loss's curvature.
CREATE TABLE hessian_eigenvalue (
    analysis_key INTEGER NOT NULL REFERENCES analysis ON DELETE CASCADE,
    operator TEXT NOT NULL CHECK (operator IN ('hessian', 'gauss_newton')),
    -- train, test or all: the examples of the loss.
    split TEXT NOT NULL DEFAULT 'train',
    side TEXT NOT NULL CHECK (side IN ('top', 'bottom')),
    -- From 1, outermost first.
    rank INTEGER NOT NULL,
    -- In nats per squared unit of weight.
    eigenvalue REAL,
    -- Length of (operator · vector − eigenvalue · vector) for the unit Ritz vector.
    residual REAL,
    converged INTEGER CHECK (converged IN (0, 1)),
    PRIMARY KEY (analysis_key, operator, split, side, rank)
) WITHOUT ROWID;

-- When a run memorised and when it generalised, by one metric and one threshold.
CREATE TABLE grokking_time (
    analysis_key INTEGER NOT NULL REFERENCES analysis ON DELETE CASCADE,
    -- test_accuracy, or test_loss for runs without accuracy.
    metric TEXT NOT NULL,
    threshold REAL NOT NULL,
    -- first, sustained or stable: what counts as having crossed.
    rule TEXT NOT NULL DEFAULT 'sustained',
    -- First step that satisfies the rule on the training curve and on the test curve; NULL when
    -- never reached. The true crossing lies after `…_before`, the last step measured below.
    memorisation_step INTEGER,
    memorisation_before INTEGER,
    generalisation_step INTEGER,
    generalisation_before INTEGER,
    -- generalisation_step − memorisation_step, in steps.
    gap INTEGER,
    -- The sigmoid fitted in log10(step + 1); NULL when there is no transition to fit.
    -- Step of the middle, with its interval.
    midpoint_step REAL,
    midpoint_low REAL,
    midpoint_high REAL,
    -- Slope constant k, per decade of steps.
    steepness REAL,
    -- Decades from 10 % to 90 % of the rise: ln 81 / k.
    width_decades REAL,
    -- Plateaus before and after.
    lower_plateau REAL,
    upper_plateau REAL,
    -- Steps at 10 % and 90 % of the rise.
    step_10 REAL,
    step_90 REAL,
    -- Root of the mean squared residual; share of variance explained.
    rmse REAL,
    r_squared REAL,
    -- 'fit', or why there is none.
    fit TEXT,
    -- Accuracy of a guess, in [0, 1].
    chance REAL,
    -- Falls below the threshold after the first crossing.
    recrossing_count INTEGER,
    -- grokked, delayed, concurrent, memorised_only, …
    label TEXT,
    PRIMARY KEY (analysis_key, metric, threshold, rule)
) WITHOUT ROWID;

-- Any other measured number, for kinds of analysis that need no table of their own.
CREATE TABLE measurement (
    analysis_key INTEGER NOT NULL REFERENCES analysis ON DELETE CASCADE,
    measure TEXT NOT NULL,
    -- The tensor, layer or unit it is about; '' for the whole network.
    subject TEXT NOT NULL DEFAULT '',
    -- Place in a list of values, from 0.
    position INTEGER NOT NULL DEFAULT 0,
    value REAL,
    -- A value that is not a number.
    text TEXT,
    PRIMARY KEY (analysis_key, measure, subject, position)
) WITHOUT ROWID;
