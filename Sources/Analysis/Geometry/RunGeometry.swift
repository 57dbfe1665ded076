/// What the geometry of a run's checkpoints says about the whole run.
///
/// `class_distance_reference` is the class distance ratio at the first checkpoint at or after step
/// 3,000, `class_distance_flag_step` the first later one where it is at least 2.5 times as large (arXiv
/// 2604.20923). `slingshot_count` counts growth of the last layer's norm followed by a spike of the
/// training loss. Where a curve is missing or too short there is no value and the text says why.
package func runGeometry(
    classDistanceRatio: Curve, lastLayerNorm: Curve, trainLoss: Curve
) -> [MeasuredValue] {
    func row(_ measure: String, _ value: Double?, _ cause: String) -> MeasuredValue {
        MeasuredValue(measure, value: value, text: value == nil ? cause : nil)
    }
    let referenceStep = 3000
    let points = zip(classDistanceRatio.steps, classDistanceRatio.values)
        .filter { $0.0 >= referenceStep }
    let reference = points.first?.1
    let flag = reference.flatMap { value in points.first { $0.1 >= 2.5 * value } }
    // The running median of the loss needs five earlier values.
    let canCount = lastLayerNorm.count > 1 && trainLoss.count > 5
    return [
        row(
            "class_distance_reference", reference,
            "no checkpoint at or after step \(referenceStep) was measured"),
        row(
            "class_distance_flag_step", flag.map { Double($0.0) },
            reference == nil
                ? "no checkpoint at or after step \(referenceStep) was measured"
                : "the ratio never reached 2.5 times its reference"),
        row(
            "slingshot_count",
            canCount
                ? Double(slingshotCount(lastLayerNorm: lastLayerNorm, trainLoss: trainLoss)) : nil,
            "it needs a training loss of more than five points and the last layer's norm at two "
                + "checkpoints"),
    ]
}
