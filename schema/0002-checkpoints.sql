-- Checkpoints, the files that hold them, and the tensors in them.
--
-- Also a cache of the HDF5 files: `cairn reindex` brings every row back.

-- One row per file of a run that the index relies on.
CREATE TABLE file (
    file_key INTEGER PRIMARY KEY,
    run_key INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    -- Relative to the run's folder, for example 'loose/000000100.h5'.
    path TEXT NOT NULL,
    -- loose (one checkpoint), pack (many), optimizer (optimiser state of one packed checkpoint),
    -- run (the description), end (how the run ended).
    kind TEXT NOT NULL CHECK (kind IN ('loose', 'pack', 'optimizer', 'run', 'end')),
    -- Size of the file in bytes.
    bytes INTEGER NOT NULL,
    -- Sums over the whole file (16 bytes, FileChecksum), which show damage outside the tensors.
    checksum BLOB NOT NULL,
    UNIQUE (run_key, path)
);

-- One row per stored checkpoint.
CREATE TABLE checkpoint (
    run_key INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    step INTEGER NOT NULL,
    file_key INTEGER NOT NULL REFERENCES file,
    -- Index along the first axis of a pack's datasets; 0 in a loose file.
    position INTEGER NOT NULL,
    -- Raw bytes of the weights, before any compression.
    bytes INTEGER NOT NULL,
    -- SHA-256 over the names, types, shapes and digests of the weights (32 bytes).
    digest BLOB NOT NULL,
    -- The file with the optimiser state of this step; NULL when it was not kept.
    optimizer_file_key INTEGER REFERENCES file,
    -- The 32-byte SHA-256 of each tensor, in the order of tensor.position.
    tensor_digests BLOB NOT NULL,
    PRIMARY KEY (run_key, step)
) WITHOUT ROWID;

CREATE INDEX checkpoint_by_file ON checkpoint (file_key);
CREATE INDEX checkpoint_by_optimizer_file ON checkpoint (optimizer_file_key)
WHERE optimizer_file_key IS NOT NULL;

-- The layout of a run's weights, the same at every step.
CREATE TABLE tensor (
    run_key INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    name TEXT NOT NULL,
    -- Rank of the name in byte order, from 0.
    position INTEGER NOT NULL,
    -- JSON array of extents, outermost first; '[]' for a scalar.
    shape TEXT NOT NULL,
    -- float32, float64, int64, …
    dtype TEXT NOT NULL,
    element_count INTEGER NOT NULL,
    PRIMARY KEY (run_key, name)
) WITHOUT ROWID;

CREATE TRIGGER checkpoint_added AFTER INSERT ON checkpoint
BEGIN
    UPDATE run SET
        checkpoint_count = checkpoint_count + 1,
        weight_bytes = weight_bytes + new.bytes,
        first_step = min(ifnull(first_step, new.step), new.step),
        last_step = max(ifnull(last_step, new.step), new.step)
    WHERE run_key = new.run_key;
END;

CREATE TRIGGER checkpoint_removed AFTER DELETE ON checkpoint
BEGIN
    UPDATE run SET
        checkpoint_count = checkpoint_count - 1,
        weight_bytes = weight_bytes - old.bytes,
        first_step = (SELECT min(step) FROM checkpoint WHERE run_key = old.run_key),
        last_step = (SELECT max(step) FROM checkpoint WHERE run_key = old.run_key)
    WHERE run_key = old.run_key;
END;

CREATE TRIGGER tensor_added AFTER INSERT ON tensor
BEGIN
    UPDATE run SET parameter_count = parameter_count + new.element_count
    WHERE run_key = new.run_key;
END;

CREATE TRIGGER tensor_removed AFTER DELETE ON tensor
BEGIN
    UPDATE run SET parameter_count = parameter_count - old.element_count
    WHERE run_key = old.run_key;
END;
