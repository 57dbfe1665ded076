-- How does the power spectrum of a tensor change over the steps of a run?
-- :run  the id of the run
-- :tensor = embedding  the tensor
-- picture: heat x=step y=frequency value=share x-scale=log-step
-- title: Spectrum of :tensor
-- x-axis: step (updates)
-- y-axis: frequency
-- color-axis: share of the power
--
-- Reads what `cairn analyze fourier` found; the constant is left out.
SELECT step, frequency, share
FROM fourier_spectra
WHERE run = :run AND tensor = :tensor AND frequency > 0
ORDER BY step, frequency;
