-- Which runs stopped before their end, and can they be resumed?
SELECT
    r.name, r.run, r.status, r.last_step,
    (SELECT max(c.step) FROM checkpoints AS c WHERE c.run = r.run AND c.has_optimizer_state)
        AS resume_step,
    (SELECT h.value FROM hyperparameters AS h WHERE h.run = r.run AND h.name = 'steps')
        AS planned_steps
FROM runs AS r
WHERE r.status IN ('running', 'interrupted', 'failed')
ORDER BY r.created_at, r.run;
