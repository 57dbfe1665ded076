/// The documentation of every SQL function, in the order of the guide.
package enum FunctionCatalogue {
    private typealias Argument = FunctionDescription.Argument

    private static let weights = [Argument("run"), Argument("step"), Argument("tensor")]
    private static let pair = [
        Argument("run"), Argument("step_a"), Argument("step_b"), Argument("tensor"),
    ]
    private static let curve = [Argument("step"), Argument("value")]
    private static let indices = [
        Argument("i"), Argument("j", isOptional: true), Argument("k", isOptional: true),
        Argument("l", isOptional: true),
    ]
    private static let noTensor = "NULL without that checkpoint or tensor, and for NaN"
    private static let noRows = "no rows without that checkpoint or tensor"
    private static let oneRead = "reads one tensor"
    private static let decomposition = "reads one tensor, then O(m n min(m, n))"

    package static let l2Norm = FunctionDescription(
        "l2_norm", .scalar, weights,
        result: "√Σw²; `total` as the tensor means all weights", missing: noTensor, cost: oneRead)
    package static let rmsNorm = FunctionDescription(
        "rms_norm", .scalar, weights, result: "√(Σw² / n)", missing: noTensor, cost: oneRead)
    package static let maxNorm = FunctionDescription(
        "max_norm", .scalar, weights, result: "largest |w|", missing: noTensor, cost: oneRead)
    package static let spectralNorm = FunctionDescription(
        "spectral_norm", .scalar, weights,
        result: "largest singular value; all axes but the last are rows", missing: noTensor,
        cost: decomposition)
    package static let stableRank = FunctionDescription(
        "stable_rank", .scalar, weights, result: "(l2_norm / spectral_norm)²",
        missing: noTensor + ", and for zeros", cost: decomposition)
    package static let effectiveRank = FunctionDescription(
        "effective_rank", .scalar, weights,
        result: "exp of the entropy of the singular values' shares",
        missing: noTensor + ", and for zeros", cost: decomposition)
    package static let distance = FunctionDescription(
        "distance", .scalar, pair, result: "√Σ(a − b)²; `total` means all weights",
        missing: noTensor, cost: "reads two tensors")
    package static let cosine = FunctionDescription(
        "cosine", .scalar, pair, result: "Σab / (‖a‖ ‖b‖) in [−1, 1]; `total` means all weights",
        missing: noTensor + ", and for zeros", cost: "reads two tensors")
    package static let weight = FunctionDescription(
        "weight", .scalar, weights + indices,
        result: "one element; as many indices as the tensor has axes, from 0",
        missing: noTensor + ", and outside the shape", cost: "reads one tensor, kept for the next")

    package static let grokStep = FunctionDescription(
        "grok_step", .aggregate, curve + [Argument("threshold", isOptional: true)],
        result: "first step of three evaluations in a row (or all until the end) at or above the "
            + "threshold, 0.99 unless given",
        missing: "NULL when never reached; rows with NULL are left out",
        cost: "one pass, 16 bytes a row")
    package static let fallStep = FunctionDescription(
        "fall_step", .aggregate, curve + [Argument("threshold", isOptional: true)],
        result: "the same of a loss: first step of three in a row below the threshold, 0.01 unless "
            + "given",
        missing: "NULL when never reached; rows with NULL are left out",
        cost: "one pass, 16 bytes a row")
    package static let sigmoidMidpoint = FunctionDescription(
        "sigmoid_midpoint", .aggregate, curve,
        result: "step at the middle of a logistic rise fitted in log10(step + 1)",
        missing: "NULL when there is no rise to fit; rows with NULL are left out",
        cost: "a fit, about a millisecond")
    package static let sigmoidWidth = FunctionDescription(
        "sigmoid_width", .aggregate, curve,
        result: "decades from 10 % to 90 % of that rise",
        missing: "NULL when there is no rise to fit; rows with NULL are left out",
        cost: "a fit, about a millisecond")
    package static let median = FunctionDescription(
        "median", .aggregate, [Argument("x")], result: "the middle value, or the mean of two",
        missing: "NULL for no values; NULLs are left out", cost: "a sort, 16 bytes a row")
    package static let quantile = FunctionDescription(
        "quantile", .aggregate, [Argument("x"), Argument("q")],
        result: "the q-quantile, 0 ≤ q ≤ 1, linear between values",
        missing: "NULL for no values; NULLs are left out", cost: "a sort, 16 bytes a row")

    private static let noTimes = "NULL for no runs; rows without both are left out"
    private static let noPoints =
        "NULL for fewer than three points or one x; rows with NULL or values ≤ 0 are left out"

    package static let survivalMedian = FunctionDescription(
        "survival_median", .aggregate, [Argument("step"), Argument("last_step")],
        result: "Kaplan–Meier median of times; a NULL step is a run that had not got there at "
            + "last_step",
        missing: noTimes + "; NULL when more than half never get there", cost: "a sort")
    package static let survivalLow = FunctionDescription(
        "survival_low", .aggregate, [Argument("step"), Argument("last_step")],
        result: "lower end of that median's 95 % interval (beta product, covers for any number)",
        missing: noTimes + "; NULL where the data do not bound it", cost: "a sort")
    package static let survivalHigh = FunctionDescription(
        "survival_high", .aggregate, [Argument("step"), Argument("last_step")],
        result: "upper end of that interval",
        missing: noTimes
            + "; NULL where the data do not bound it", cost: "a sort")
    package static let wilsonLow = FunctionDescription(
        "wilson_low", .scalar, [Argument("successes"), Argument("count")],
        result: "lower end of Wilson's 95 % interval of a share", missing: "NULL for a count of 0",
        cost: "nothing")
    package static let wilsonHigh = FunctionDescription(
        "wilson_high", .scalar, [Argument("successes"), Argument("count")],
        result: "upper end of that interval", missing: "NULL for a count of 0", cost: "nothing")
    package static let scalingExponent = FunctionDescription(
        "scaling_exponent", .aggregate,
        [Argument("x"), Argument("y"), Argument("q", isOptional: true)],
        result: "a of y = c · x^a by least squares in logarithms; with q its bootstrap quantile "
            + "over the points, such as 0.025",
        missing: noPoints, cost: "1,000 resamples with q, milliseconds")
    package static let criticalPoint = FunctionDescription(
        "critical_point", .aggregate,
        [Argument("x"), Argument("y"), Argument("q", isOptional: true)],
        result: "x₀ of y = c · (x − x₀)^a, 0 ≤ x₀ < the smallest x, by least squares in "
            + "logarithms; with q its bootstrap quantile",
        missing: "NULL for fewer than four different x or where the data do not bound x₀; rows "
            + "with NULL or values ≤ 0 are left out", cost: "a search; 200 with q")
    package static let criticalExponent = FunctionDescription(
        "critical_exponent", .aggregate,
        [Argument("x"), Argument("y"), Argument("q", isOptional: true)],
        result: "a of that law; with q its bootstrap quantile", missing: "as critical_point",
        cost: "a search; 200 with q")

    package static let tensorValues = FunctionDescription(
        "tensor_values", .table, weights,
        result: "position (JSON array), value; in row-major order", missing: noRows, cost: oneRead)
    package static let trajectory = FunctionDescription(
        "trajectory", .table, [Argument("run"), Argument("tensor")] + indices,
        result: "step, value; one element at every checkpoint",
        missing: "no rows without that tensor, and outside the shape",
        cost: "reads the tensor of every checkpoint")
    package static let fourier = FunctionDescription(
        "fourier", .table, weights + [Argument("axis", isOptional: true)],
        result: "basis, frequency, power, share (of the power without frequency 0), component, "
            + "dimension; along the axis of tokens over the group of the run's task (component is "
            + "the representation where it is no cyclic group), else cyclic along the axis, the "
            + "first unless given",
        missing: noRows + "; power is NULL for NaN", cost: "reads one tensor, O(n log n)")
    package static let singularValues = FunctionDescription(
        "singular_values", .table, weights, result: "rank (from 1), value; falling",
        missing: noRows + "; value is NULL for NaN", cost: decomposition)
    package static let hessian = FunctionDescription(
        "hessian", .table, [Argument("run"), Argument("step"), Argument("k")],
        result: "rank (from 1), eigenvalue, residual, converged; the k largest of the training "
            + "loss's Hessian, in nats per squared weight",
        missing: "no rows without that checkpoint or when the run does not say its network",
        cost: "about 2 k + 20 products, seconds; remembered in the ledger")
    package static let grokking = FunctionDescription(
        "grokking", .table, [Argument("run")], result: "the columns of grokking_times",
        missing: "no rows without train and test curves", cost: "two fits, milliseconds")

    package static let seedBand = FunctionDescription(
        "seed_band", .table,
        [
            Argument("metric"), Argument("setting"), Argument("value"),
            Argument("aligned", isOptional: true),
        ],
        result: "step, runs, low, middle, high: 10 %, 50 % and 90 % quantiles over the runs whose "
            + "setting has the value, on 200 log-spaced steps, the last evaluation held; with "
            + "aligned, step is log10((step + 1) / (own step + 1)) of each run's sustained "
            + "crossing of that level",
        missing: "no rows without such runs; runs that never cross are left out of aligned bands",
        cost: "reads the curves of these runs")

    /// All of them.
    package static let all = [
        l2Norm, rmsNorm, maxNorm, spectralNorm, stableRank, effectiveRank, distance, cosine, weight,
        grokStep, fallStep, sigmoidMidpoint, sigmoidWidth, median, quantile, survivalMedian,
        survivalLow, survivalHigh, wilsonLow, wilsonHigh, scalingExponent, criticalPoint,
        criticalExponent, tensorValues, trajectory, fourier, singularValues, hessian, grokking,
        seedBand,
    ]

    /// The table of the guide: one line a function, in Markdown.
    package static var markdown: String {
        let lines = all.map { function in
            let cells = [
                "`\(function.signature)`", function.kind.rawValue, function.result,
                function.missing, function.cost,
            ]
            return "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ")
                + " |"
        }
        return
            ([
                "| function | kind | result | missing values | cost |",
                "| --- | --- | --- | --- | --- |",
            ]
            + lines).joined(separator: "\n") + "\n"
    }
}
