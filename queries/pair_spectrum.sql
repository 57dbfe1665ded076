-- How is the power of the logits spread over pairs of frequencies of the two operands?
-- :run  the id of the run
-- :tensor = logits  logits, or hidden for the hidden layer at the read-out
-- :step = -1  the step; -1 for the last one that was analysed
-- picture: heat x=left_frequency y=right_frequency value=power color-scale=log units=equal
-- title: Pair spectrum of the :tensor
-- x-axis: frequency of the left operand
-- y-axis: frequency of the right operand
-- color-axis: power
--
-- Reads what `cairn analyze fourier --network` found; the constant pair is left out.
SELECT step, left_frequency, right_frequency, sum(power) AS power
FROM pair_spectra
WHERE run = :run AND tensor = :tensor AND left_frequency + right_frequency > 0
    AND step = iif(:step >= 0, :step,
        (SELECT max(step) FROM pair_spectra WHERE run = :run AND tensor = :tensor))
GROUP BY step, left_frequency, right_frequency
ORDER BY left_frequency, right_frequency;
