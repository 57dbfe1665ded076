-- How are the Hessian eigenvalues spread: the bulk, and what lies outside of it?
-- :run  the id of the run
-- :width = 0.004  the width of each Gaussian as a share of the spectrum's
-- picture: line x=eigenvalue y=density color=at y-scale=log y-range=1e-06..
-- title: Spectral density of the Hessian
-- x-axis: eigenvalue (nats per squared weight)
-- y-axis: density
-- color-axis: step
--
-- Each node of the quadrature is drawn as a Gaussian; the mean over probes is shown. Two clusters
-- are a bulk at 0 and a few outliers; densities below 10⁻⁶ are left out. Reads what `cairn analyze hessian --density` found.
WITH node AS (
    SELECT step, probe, eigenvalue, weight
    FROM hessian_densities
    WHERE run = :run AND operator = 'hessian'
),
ends AS (
    SELECT
        min(eigenvalue) AS low, max(eigenvalue) AS high,
        (max(eigenvalue) - min(eigenvalue)) * :width AS sigma
    FROM node
),
place (part) AS (
    SELECT 0 UNION ALL SELECT part + 1 FROM place WHERE part < 400
),
grid AS (
    SELECT low - 5 * sigma + part / 400.0 * (high - low + 10 * sigma) AS eigenvalue, sigma
    FROM ends, place
),
probes AS (
    SELECT step, count(DISTINCT probe) AS count FROM node GROUP BY step
)
SELECT step, 'step ' || step AS at, eigenvalue, iif(density >= 1e-6, density, NULL) AS density
FROM (
    SELECT
        n.step, g.eigenvalue,
        sum(n.weight * exp(max(-700, -0.5 * pow((g.eigenvalue - n.eigenvalue) / g.sigma, 2))))
            / (g.sigma * sqrt(2 * pi()) * p.count) AS density
    FROM grid AS g, node AS n
    JOIN probes AS p USING (step)
    WHERE g.sigma > 0
    GROUP BY n.step, g.eigenvalue
)
ORDER BY step, eigenvalue;
