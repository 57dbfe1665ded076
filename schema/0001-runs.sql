-- Runs, their settings and their curves.
--
-- Everything in this file is a cache of what the HDF5 files under runs/ say: `cairn reindex`
-- brings every row back. The tables may change from version to version; the views of
-- 0004-views.sql are the interface.
--
-- Conventions: a step is a number of updates done. Times are seconds since
-- 1970-01-01T00:00:00Z. SQLite has no NaN: a REAL that was NaN is NULL, infinities are kept.

-- One row per run. The last five columns are kept up to date by triggers, so that listing runs
-- never touches their checkpoints or curves.
CREATE TABLE run (
    run_key INTEGER PRIMARY KEY,
    -- 16 lowercase hexadecimal digits; unique across archives.
    id TEXT NOT NULL UNIQUE,
    -- A name for people, not necessarily unique.
    name TEXT NOT NULL,
    status TEXT NOT NULL CHECK (
        status IN ('running', 'finished', 'interrupted', 'failed', 'imported')
    ),
    -- What is learned, for example 'subtract mod 59'; empty when unknown.
    task TEXT NOT NULL,
    -- The kind of network, for example 'transformer'; empty when unknown.
    network TEXT NOT NULL,
    -- The seed of the run's random streams; NULL when unknown.
    seed INTEGER,
    -- Id of the run this one was forked from, which may be in another archive, and the step.
    parent_run TEXT,
    parent_step INTEGER,
    -- When the run began and when it last ended, in seconds since 1970.
    created_at REAL NOT NULL,
    finished_at REAL,
    -- Smallest and largest step with a stored checkpoint; NULL without checkpoints.
    first_step INTEGER,
    last_step INTEGER,
    checkpoint_count INTEGER NOT NULL DEFAULT 0,
    -- Elements of all tensors of one checkpoint.
    parameter_count INTEGER NOT NULL DEFAULT 0,
    -- Raw bytes of the weights of all stored checkpoints, before any compression.
    weight_bytes INTEGER NOT NULL DEFAULT 0
);

CREATE INDEX run_by_name ON run (name);

-- The long texts of a run, apart from `run` so that a listing does not page through them.
CREATE TABLE run_document (
    run_key INTEGER PRIMARY KEY REFERENCES run ON DELETE CASCADE,
    -- The complete configuration as a JSON object with sorted keys; '{}' when unknown.
    configuration TEXT NOT NULL,
    -- JSON object: program or library name to version.
    versions TEXT NOT NULL,
    -- Path as given, SHA-256 and recognised layout of an imported run's source; else NULL.
    origin_path TEXT,
    origin_digest TEXT,
    origin_layout TEXT,
    -- Rows of the task's table used for training and for testing; NULL when unknown.
    train_count INTEGER,
    test_count INTEGER
);

-- One row per setting of a run.
CREATE TABLE hyperparameter (
    run_key INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    name TEXT NOT NULL,
    -- The order in which settings are shown to people, from 0.
    position INTEGER NOT NULL,
    -- none is a setting that is explicitly absent.
    type TEXT NOT NULL CHECK (type IN ('integer', 'real', 'text', 'boolean', 'none')),
    -- The value with its own SQLite type; a boolean is 0 or 1; none and a real NaN are NULL.
    value,
    PRIMARY KEY (run_key, name)
) WITHOUT ROWID;

CREATE INDEX hyperparameter_by_value ON hyperparameter (name, value);

-- The names of curves, written once so that a point costs two small integers.
CREATE TABLE metric_name (
    name_key INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

-- One row per point of a curve. A later value for the same step replaces the earlier one.
CREATE TABLE metric (
    run_key INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    name_key INTEGER NOT NULL REFERENCES metric_name,
    -- The number of updates done when the value was measured.
    step INTEGER NOT NULL,
    -- Accuracies in [0, 1], losses as mean cross-entropy in nats; NULL is NaN.
    value REAL,
    PRIMARY KEY (run_key, name_key, step)
) WITHOUT ROWID;

-- One row per curve, kept up to date by the writer.
CREATE TABLE metric_summary (
    run_key INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    name_key INTEGER NOT NULL REFERENCES metric_name,
    point_count INTEGER NOT NULL,
    first_step INTEGER NOT NULL,
    last_step INTEGER NOT NULL,
    -- The value at the last step, and the extremes; NULL where only NaN was measured.
    last_value REAL,
    smallest REAL,
    largest REAL,
    PRIMARY KEY (run_key, name_key)
) WITHOUT ROWID;

-- Marks that people put on runs and checkpoints; garbage collection spares tagged checkpoints.
CREATE TABLE tag (
    run_key INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    tag TEXT NOT NULL,
    -- The tagged checkpoint; -1 for the whole run.
    step INTEGER NOT NULL DEFAULT -1,
    PRIMARY KEY (run_key, tag, step)
) WITHOUT ROWID;
