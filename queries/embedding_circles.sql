-- How do the tokens lie on the circles of the key frequencies of an embedding?
-- :run  the id of the run
-- :tensor = embedding  the embedding, one row a token
-- :steps = []  the steps as a JSON array; [] for the first, the middle and the last checkpoint
-- :count = 3  how many frequencies, the strongest of the last checkpoint
-- picture: points x=cosine y=sine facet=circle units=equal
-- title: Tokens of :tensor on the circles of its key frequencies
-- x-axis: along the cosine component
-- y-axis: along the sine component
--
-- Each token's row is projected on the directions of the cosine and of the sine of one frequency
-- along the tokens, each of length 1. Computed from the stored weights.
WITH modulus AS (
    SELECT value AS p FROM hyperparameters WHERE run = :run AND name = 'modulus'
),
stored AS (
    SELECT step, row_number() OVER (ORDER BY step) AS number, count(*) OVER () AS count
    FROM checkpoints
    WHERE run = :run
),
chosen AS (
    SELECT step FROM stored
    WHERE iif(json_array_length(:steps) = 0, number IN (1, (count + 1) / 2, count),
        step IN (SELECT value FROM json_each(:steps)))
),
key AS (
    SELECT f.frequency
    FROM runs AS r, fourier(r.run, r.last_step, :tensor) AS f
    WHERE r.run = :run AND f.frequency > 0
    ORDER BY f.power DESC
    LIMIT :count
),
entry AS MATERIALIZED (
    SELECT
        c.step, json_extract(v.position, '$[0]') AS token, json_extract(v.position, '$[1]') AS place,
        v.value
    FROM chosen AS c, tensor_values(:run, c.step, :tensor) AS v
    WHERE json_extract(v.position, '$[0]') < (SELECT p FROM modulus)
),
direction AS MATERIALIZED (
    SELECT
        e.step, k.frequency, e.place,
        sum(e.value * cos(2 * pi() * k.frequency * e.token / q.p)) AS cosine,
        sum(e.value * sin(2 * pi() * k.frequency * e.token / q.p)) AS sine
    FROM entry AS e, key AS k, modulus AS q
    GROUP BY e.step, k.frequency, e.place
),
size AS MATERIALIZED (
    SELECT
        step, frequency, sqrt(sum(cosine * cosine)) AS cosine, sqrt(sum(sine * sine)) AS sine
    FROM direction
    GROUP BY step, frequency
)
SELECT
    e.step, d.frequency, 'step ' || e.step || ', frequency ' || d.frequency AS circle, e.token,
    sum(e.value * d.cosine) / nullif(s.cosine, 0) AS cosine,
    sum(e.value * d.sine) / nullif(s.sine, 0) AS sine
FROM entry AS e
JOIN direction AS d USING (step, place)
JOIN size AS s USING (step, frequency)
GROUP BY e.step, d.frequency, e.token
ORDER BY e.step, d.frequency, e.token;
