internal import Checkpoints

/// What is asked of arrays before anything is learnt from them; each refusal is one sentence.
enum DataChecks {
    /// Inputs with a first axis of examples, answers with as many.
    static func shapes(_ inputs: Tensor, _ answers: Tensor, rowShape: [Int]) throws {
        guard let rows = inputs.shape.first, rows > 0, rowShape.reduce(1, *) > 0 else {
            throw UserError.usage(
                subject: "array \(inputs.name)", cause: "its shape is \(inputs.shape)",
                advice: "the first axis counts the examples, and there must be some")
        }
        guard Array(inputs.shape.dropFirst()) == rowShape else {
            throw UserError.usage(
                subject: "array \(inputs.name)",
                cause: "its examples have the shape \(inputs.shape.dropFirst()), those to train on "
                    + "have \(rowShape)",
                advice: "give arrays of examples of one shape")
        }
        guard answers.shape.first == rows else {
            throw UserError.usage(
                subject: "array \(answers.name)",
                cause: "its shape is \(answers.shape), the inputs have \(rows) rows",
                advice: "give one answer for each row")
        }
    }

    /// Classes where a single column of integers is given, unless the configuration says otherwise.
    static func answerKind(
        _ configuration: TaskConfiguration, _ answers: Tensor
    ) throws -> TaskConfiguration.AnswerKind {
        if let kind = configuration.answerKind { return kind }
        let isSingle = answers.shape.dropFirst().allSatisfy { $0 == 1 }
        return isSingle && isInteger(answers.elementType) ? .classes : .reals
    }

    /// The numbers of an array; none may be missing.
    static func reals(_ array: Tensor) throws -> [Double] {
        guard let values = array.doubles() else {
            throw UserError.usage(
                subject: "array \(array.name)", cause: "it holds complex numbers",
                advice: "give real ones, for example real and imaginary parts as columns")
        }
        if let place = values.firstIndex(where: { !$0.isFinite }) {
            let columns = max(1, values.count / max(1, array.shape.first ?? 1))
            throw UserError.usage(
                subject: "array \(array.name)",
                cause: "row \(place / columns) has the value \(values[place])",
                advice: "leave out rows without numbers")
        }
        return values
    }

    /// Whole numbers from 0, one a row.
    static func classes(_ array: Tensor) throws -> [Int32] {
        guard array.shape.dropFirst().allSatisfy({ $0 == 1 }) else {
            throw UserError.usage(
                subject: "array \(array.name)",
                cause: "its shape is \(array.shape), classes are one number a row",
                advice: "give one class a row, or set answer_kind to reals")
        }
        return try reals(array).enumerated().map { row, value in
            guard value >= 0, value < 1_048_576, value == value.rounded() else {
                throw UserError.usage(
                    subject: "array \(array.name)",
                    cause: "row \(row) has the class \(value)",
                    advice: "classes are whole numbers from 0; real answers need answer_kind reals")
            }
            return Int32(value)
        }
    }

    /// The largest value of small integer types.
    static func largest(_ type: ElementType) -> Double? {
        switch type {
        case .uint8: 255
        case .int8: 127
        case .uint16: 65_535
        case .int16: 32_767
        default: nil
        }
    }

    private static func isInteger(_ type: ElementType) -> Bool {
        switch type {
        case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64, .bool: true
        case .float16, .bfloat16, .float32, .float64, .complex64, .complex128: false
        }
    }
}
