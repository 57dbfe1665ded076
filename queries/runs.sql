-- Which runs are there?
SELECT run, name FROM runs;
