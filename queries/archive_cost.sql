-- What do the runs cost in checkpoints and bytes, by the value of a setting?
-- :setting = sweep  the hyperparameter to group by; runs without it are one group
SELECT
    h.value AS value, r.task, r.network, count(*) AS runs, sum(r.checkpoint_count) AS checkpoints,
    sum(r.weight_bytes) AS weight_bytes,
    round(sum(r.weight_bytes) / 1048576.0, 3) AS weight_mebibytes,
    sum((SELECT ifnull(sum(f.bytes), 0) FROM files AS f WHERE f.run = r.run)) AS file_bytes
FROM runs AS r
LEFT JOIN hyperparameters AS h ON h.run = r.run AND h.name = :setting
GROUP BY h.value, r.task, r.network
ORDER BY file_bytes DESC, h.value;
