internal import Checkpoints

extension Value {
    /// A tensor, or a dictionary or list that holds nothing but tensors.
    var isTensorTree: Bool {
        switch self {
        case .tensor: true
        case .dictionary(let entries):
            !entries.isEmpty && entries.allSatisfy { $0.value.isTensorTree }
        case .list(let elements): !elements.isEmpty && elements.allSatisfy(\.isTensorTree)
        default: false
        }
    }

    /// Whether a tensor is somewhere below.
    var holdsTensors: Bool {
        switch self {
        case .tensor: true
        case .dictionary(let entries): entries.contains { $0.value.holdsTensors }
        case .list(let elements): elements.contains(where: \.holdsTensors)
        default: false
        }
    }

    /// A whole number, also where it is written as 12.0 or as a tensor without axes.
    var wholeNumber: Int? {
        if let whole { return whole }
        guard case .list = self else { return number.flatMap { Int(exactly: $0) } }
        return nil
    }

    /// The length of a list of numbers or of a tensor with one axis; nil for anything else.
    var listLength: Int? {
        switch self {
        case .list(let elements):
            elements.allSatisfy(\.isLooseNumber) && elements.contains(where: \.isTrueNumber)
                ? elements.count : nil
        case .tensor(let tensor): tensor.shape.count == 1 ? tensor.shape[0] : nil
        default: nil
        }
    }

    private var isTrueNumber: Bool {
        switch self {
        case .real, .integer: true
        case .tensor(let tensor): tensor.elementCount == 1
        case .text(let text): Double.written(text) != nil
        default: false
        }
    }

    /// A number, or what stands for one that is missing.
    private var isLooseNumber: Bool {
        switch self {
        case .none: true
        default: isTrueNumber
        }
    }

    /// The numbers of a list, nil where one is missing; nil for anything else.
    var looseNumbers: [Double?]? {
        guard case .list(let elements) = self else { return numbers }
        var values: [Double?] = []
        values.reserveCapacity(elements.count)
        for element in elements {
            switch element {
            case .none: values.append(nil)
            case .text(let text):
                guard let number = Double.written(text) else { return nil }
                values.append(number)
            default:
                guard let number = element.number else { return nil }
                values.append(number)
            }
        }
        return values
    }

    /// Whether nothing below is a tensor, bytes or opaque.
    var isPlain: Bool {
        switch self {
        case .none, .boolean, .integer, .real, .text: true
        case .bytes, .tensor, .opaque: false
        case .list(let elements): elements.allSatisfy(\.isPlain)
        case .dictionary(let entries): entries.allSatisfy { $0.value.isPlain }
        }
    }

    /// The values below that are no containers.
    var leafCount: Int {
        switch self {
        case .list(let elements): elements.reduce(0) { $0 + $1.leafCount }
        case .dictionary(let entries): entries.reduce(0) { $0 + $1.value.leafCount }
        default: 1
        }
    }
}

extension Double {
    /// The words that stand for numbers which JSON and others cannot write.
    static func written(_ text: String) -> Double? {
        switch text {
        case "NaN", "nan": .nan
        case "Infinity", "inf", "Inf": .infinity
        case "-Infinity", "-inf", "-Inf": -.infinity
        default: nil
        }
    }
}
