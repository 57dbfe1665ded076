-- Which frequencies does each seed's last analysed embedding use?
-- :tensor = embedding  the tensor that was transformed
-- :part = 0.25  a frequency is key when its norm exceeds this part of the largest norm
--
-- Reads what `cairn analyze fourier` found.
WITH last AS (
    SELECT run, tensor, max(step) AS step
    FROM fourier_spectra
    WHERE tensor = :tensor
    GROUP BY run, tensor
),
spectrum AS (
    SELECT
        s.run, s.step, s.frequency, s.share, s.power,
        max(s.power) OVER (PARTITION BY s.run) AS largest
    FROM fourier_spectra AS s
    JOIN last USING (run, tensor, step)
    WHERE s.frequency > 0
)
SELECT
    r.seed, r.name, s.run, s.step, count(*) AS key_count,
    group_concat(s.frequency, ' ') AS frequencies, sum(s.share) AS share
FROM (SELECT * FROM spectrum ORDER BY run, power DESC) AS s
JOIN runs AS r USING (run)
WHERE s.power > :part * :part * s.largest
GROUP BY s.run
ORDER BY r.seed, s.run;
