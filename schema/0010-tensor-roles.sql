-- What each tensor is to its network: parameters are trained, buffers are kept beside them (running
-- statistics, counters, masks, tables). The optimiser's variables are no tensors of a checkpoint: they
-- lie apart, and `checkpoints.has_optimizer_state` says where there are some.

-- Follows from the names, types and shapes of a run's tensors.
ALTER TABLE tensor ADD COLUMN role TEXT NOT NULL DEFAULT 'parameter'
    CHECK (role IN ('parameter', 'buffer'));

-- Elements of the buffers of one checkpoint; parameter_count has those of the parameters alone.
ALTER TABLE run ADD COLUMN buffer_count INTEGER NOT NULL DEFAULT 0;

DROP TRIGGER tensor_added;
DROP TRIGGER tensor_removed;

CREATE TRIGGER tensor_added AFTER INSERT ON tensor
BEGIN
    UPDATE run SET
        parameter_count = parameter_count + iif(new.role = 'parameter', new.element_count, 0),
        buffer_count = buffer_count + iif(new.role = 'buffer', new.element_count, 0)
    WHERE run_key = new.run_key;
END;

CREATE TRIGGER tensor_removed AFTER DELETE ON tensor
BEGIN
    UPDATE run SET
        parameter_count = parameter_count - iif(old.role = 'parameter', old.element_count, 0),
        buffer_count = buffer_count - iif(old.role = 'buffer', old.element_count, 0)
    WHERE run_key = old.run_key;
END;

CREATE TRIGGER tensor_role_changed AFTER UPDATE OF role ON tensor
WHEN new.role <> old.role
BEGIN
    UPDATE run SET
        parameter_count = parameter_count
            + iif(new.role = 'parameter', new.element_count, -new.element_count),
        buffer_count = buffer_count
            + iif(new.role = 'buffer', new.element_count, -new.element_count)
    WHERE run_key = new.run_key;
END;

DROP VIEW runs;

CREATE VIEW runs AS
SELECT
    id AS run, name, status, task, network, seed, parent_run, parent_step, first_step, last_step,
    checkpoint_count, parameter_count, weight_bytes, created_at, finished_at, buffer_count
FROM run;

DROP VIEW tensors;

CREATE VIEW tensors AS
SELECT r.id AS run, t.name, t.shape, t.dtype, t.element_count, t.role
FROM tensor AS t
JOIN run AS r USING (run_key);

-- It has the columns of `runs`.
UPDATE runs_wide_state SET is_outdated = 1;
