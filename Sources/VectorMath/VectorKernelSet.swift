/// The loops over whole arrays that training and analysis spend their time in.
///
/// `VectorKernels` implements them for every processor; `WideVectorKernels` is the same source,
/// compiled for AVX2. Both give the same bits. Formulas stand at the implementations.
package protocol VectorKernelSet: SendableMetatype {
    static func square<Scalar: LaneScalar>(
        _ x: UnsafePointer<Scalar>, into y: UnsafeMutablePointer<Scalar>, count: Int
    )

    static func addDoubledProduct<Scalar: LaneScalar>(
        _ x: UnsafePointer<Scalar>, _ y: UnsafePointer<Scalar>, to z: UnsafeMutablePointer<Scalar>,
        kept: Scalar, count: Int
    )

    static func gelu<Scalar: LaneScalar>(
        _ x: UnsafePointer<Scalar>, into y: UnsafeMutablePointer<Scalar>, count: Int
    )

    static func geluReverse<Scalar: LaneScalar>(
        _ x: UnsafePointer<Scalar>, _ y: UnsafePointer<Scalar>, to z: UnsafeMutablePointer<Scalar>,
        kept: Scalar, count: Int
    )

    static func geluCurvature<Scalar: LaneScalar>(
        _ x: UnsafePointer<Scalar>, _ xTangent: UnsafePointer<Scalar>, _ y: UnsafePointer<Scalar>,
        to z: UnsafeMutablePointer<Scalar>, count: Int
    )

    static func smooth<Scalar: LaneScalar>(
        _ function: SmoothFunction<Scalar>, _ x: UnsafePointer<Scalar>,
        into y: UnsafeMutablePointer<Scalar>, count: Int
    )

    static func smoothReverse<Scalar: LaneScalar>(
        _ function: SmoothFunction<Scalar>, _ x: UnsafePointer<Scalar>, _ y: UnsafePointer<Scalar>,
        to z: UnsafeMutablePointer<Scalar>, kept: Scalar, count: Int
    )

    static func smoothCurvature<Scalar: LaneScalar>(
        _ function: SmoothFunction<Scalar>, _ x: UnsafePointer<Scalar>,
        _ xTangent: UnsafePointer<Scalar>, _ y: UnsafePointer<Scalar>,
        to z: UnsafeMutablePointer<Scalar>, count: Int
    )

    static func adamUpdate<Scalar: LaneScalar>(
        _ constants: AdamConstants<Scalar>, _ vectors: AdamVectors<Scalar>,
        _ range: Swift.Range<Int>
    )

    static func attend<Scalar: LaneScalar>(
        _ shape: AttentionShape, _ at: AttentionVersions<Scalar>,
        scratch: UnsafeMutablePointer<Scalar>
    )

    static func attendReverse<Scalar: LaneScalar>(
        _ shape: AttentionShape, _ at: AttentionVersions<Scalar>,
        gradient: AttentionVersions<Scalar>
    )

    static func attendTangent<Scalar: LaneScalar>(
        _ shape: AttentionShape, _ at: AttentionVersions<Scalar>, tangent: AttentionVersions<Scalar>
    )

    static func attendReverseTangent<Scalar: LaneScalar>(
        _ shape: AttentionShape, _ at: AttentionVersions<Scalar>,
        gradient: AttentionVersions<Scalar>,
        tangent: AttentionVersions<Scalar>, gradientTangent: AttentionVersions<Scalar>
    )

    static func stableCrossEntropy<Scalar: LaneScalar>(
        _ logits: UnsafePointer<Scalar>, rows: Int, classes: Int, targets: UnsafePointer<Int32>,
        starts: UnsafePointer<UInt8>, weight: Double, gradient: UnsafeMutablePointer<Scalar>?,
        scratch: UnsafeMutablePointer<Scalar>
    ) -> LossSum

    static func singleCrossEntropy<Scalar: LaneScalar>(
        _ logits: UnsafePointer<Scalar>, rows: Int, classes: Int, targets: UnsafePointer<Int32>,
        starts: UnsafePointer<UInt8>, weight: Double, gradient: UnsafeMutablePointer<Scalar>?,
        scratch: UnsafeMutablePointer<Float>
    ) -> LossSum

    static func crossEntropyCurvature<Scalar: LaneScalar>(
        _ gradient: UnsafePointer<Scalar>, _ tangent: UnsafePointer<Scalar>, rows: Int,
        classes: Int,
        targets: UnsafePointer<Int32>, weight: Double, into change: UnsafeMutablePointer<Scalar>
    )

    static func add<Scalar: LaneScalar>(
        _ x: UnsafePointer<Scalar>, to y: UnsafeMutablePointer<Scalar>, count: Int
    )

    static func addColumnSums<Scalar: LaneScalar>(
        _ x: UnsafePointer<Scalar>, rows: Int, columns: Int, to sums: UnsafeMutablePointer<Scalar>
    )

    static func rectify<Scalar: LaneScalar>(_ y: UnsafeMutablePointer<Scalar>, count: Int)

    static func keepWherePositive<Scalar: LaneScalar>(
        _ y: UnsafeMutablePointer<Scalar>, gate: UnsafePointer<Scalar>, count: Int
    )

    static func normalise<Scalar: LaneScalar>(
        _ rows: Range<Int>, columns: Int, _ x: UnsafePointer<Scalar>,
        statistics: UnsafeMutablePointer<Scalar>, scale: UnsafePointer<Scalar>,
        shift: UnsafePointer<Scalar>, into y: UnsafeMutablePointer<Scalar>
    )

    static func normaliseReverse<Scalar: LaneScalar>(
        _ rows: Range<Int>, columns: Int, _ x: UnsafePointer<Scalar>,
        statistics: UnsafePointer<Scalar>, scale: UnsafePointer<Scalar>,
        outputGradient: UnsafePointer<Scalar>, kept: Scalar,
        inputGradient: UnsafeMutablePointer<Scalar>, scaleGradient: UnsafeMutablePointer<Scalar>,
        shiftGradient: UnsafeMutablePointer<Scalar>, scratch: UnsafeMutablePointer<Scalar>
    )

    static func normaliseTangent<Scalar: LaneScalar>(
        _ rows: Range<Int>, columns: Int, _ x: UnsafePointer<Scalar>,
        statistics: UnsafePointer<Scalar>, scale: UnsafePointer<Scalar>,
        inputTangent: UnsafePointer<Scalar>, scaleTangent: UnsafePointer<Scalar>,
        shiftTangent: UnsafePointer<Scalar>, into y: UnsafeMutablePointer<Scalar>
    )

    static func normaliseReverseTangent<Scalar: LaneScalar>(
        _ rows: Range<Int>, columns: Int, _ x: UnsafePointer<Scalar>,
        statistics: UnsafePointer<Scalar>, scale: UnsafePointer<Scalar>,
        inputTangent: UnsafePointer<Scalar>, scaleTangent: UnsafePointer<Scalar>,
        outputGradient: UnsafePointer<Scalar>, outputChange: UnsafePointer<Scalar>, kept: Scalar,
        inputChange: UnsafeMutablePointer<Scalar>, scaleChange: UnsafeMutablePointer<Scalar>,
        shiftChange: UnsafeMutablePointer<Scalar>, scratch: UnsafeMutablePointer<Scalar>
    )

    static func sumSources<Scalar: LaneScalar>(
        _ rows: Range<Int>, columns: Int, _ table: SourceTable, _ source: UnsafePointer<Scalar>,
        into target: UnsafeMutablePointer<Scalar>
    )

    static func addToSources<Scalar: LaneScalar>(
        _ rows: Range<Int>, columns: Int, _ table: SourceTable, _ row: UnsafePointer<Scalar>,
        to sources: UnsafeMutablePointer<Scalar>
    )

    static func sums<Scalar: LaneScalar>(_ x: UnsafePointer<Scalar>, count: Int) -> VectorSums

    static func differenceSums<Scalar: LaneScalar>(
        _ x: UnsafePointer<Scalar>, _ y: UnsafePointer<Scalar>, count: Int
    ) -> VectorSums
}
