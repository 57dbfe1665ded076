-- Which runs lack an analysis of a kind, and how many checkpoints does it have to read?
-- :kind = norms  norms, fourier, hessian, grokking, …
SELECT
    r.name, r.run, r.checkpoint_count,
    (SELECT count(DISTINCT a.step) FROM analyses AS a
        WHERE a.run = r.run AND a.kind = :kind AND a.superseded_by IS NULL) AS analysed
FROM runs AS r
WHERE analysed < iif(:kind = 'grokking', 0, r.checkpoint_count)
    OR (:kind = 'grokking' AND NOT EXISTS (
        SELECT 1 FROM analyses AS a
        WHERE a.run = r.run AND a.kind = 'grokking' AND a.superseded_by IS NULL))
ORDER BY r.name, r.run;
