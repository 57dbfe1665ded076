-- When the view `runs_wide` has to be made anew.
--
-- `runs_wide` has a column for each setting and each curve that the archive knows, so its text
-- depends on rows. SQLite's triggers cannot create views: they note that a name came or went, and
-- the writer makes the view from runs_wide.sql before it commits.

-- One row: 1 when the names are no longer those that `runs_wide` was made for.
CREATE TABLE runs_wide_state (
    is_outdated INTEGER NOT NULL CHECK (is_outdated IN (0, 1))
);
INSERT INTO runs_wide_state VALUES (1);

CREATE TRIGGER hyperparameter_name_added AFTER INSERT ON hyperparameter
WHEN NOT EXISTS (
    SELECT 1 FROM hyperparameter WHERE name = new.name AND run_key <> new.run_key
)
BEGIN
    UPDATE runs_wide_state SET is_outdated = 1;
END;

CREATE TRIGGER hyperparameter_name_removed AFTER DELETE ON hyperparameter
WHEN NOT EXISTS (SELECT 1 FROM hyperparameter WHERE name = old.name)
BEGIN
    UPDATE runs_wide_state SET is_outdated = 1;
END;

CREATE TRIGGER metric_name_added AFTER INSERT ON metric_name
BEGIN
    UPDATE runs_wide_state SET is_outdated = 1;
END;

CREATE TRIGGER metric_name_removed AFTER DELETE ON metric_name
BEGIN
    UPDATE runs_wide_state SET is_outdated = 1;
END;
