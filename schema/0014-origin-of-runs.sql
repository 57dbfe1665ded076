-- Where an imported run comes from stands beside its other columns. SQLite leaves the second table
-- alone where nobody asks for the column.
DROP VIEW runs;

CREATE VIEW runs AS
SELECT
    r.id AS run, r.name, r.status, r.task, r.network, r.seed, r.parent_run, r.parent_step,
    r.first_step, r.last_step, r.checkpoint_count, r.parameter_count, r.weight_bytes, r.created_at,
    r.finished_at, r.buffer_count, d.origin_path
FROM run AS r
LEFT JOIN run_document AS d USING (run_key);

-- It has the columns of `runs`.
UPDATE runs_wide_state SET is_outdated = 1;
