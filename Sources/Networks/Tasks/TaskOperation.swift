/// What a task asks for, by the name users write.
///
/// x and y are the left and right operand, all residues modulo p unless stated. The paper's twelve
/// operations are `add` to `x3+xy2+y`, `compose`, `conjugate` and `aba` without `multiply`; its
/// published code has the others up to `copy`.
package enum TaskOperation: String, Codable, CaseIterable, Sendable {
    /// x + y
    case add
    /// x − y
    case subtract
    /// x · y
    case multiply
    /// x · y⁻¹, y ≠ 0; p is prime.
    case divide
    /// x · y⁻¹ where y is odd, x − y where y is even; p is prime.
    case divideOrSubtract = "divide_or_subtract"
    /// x² + y²
    case squares = "x2+y2"
    /// x² + xy + y²
    case quadratic = "x2+xy+y2"
    /// x² + xy + y² + x
    case quadraticPlusLeft = "x2+xy+y2+x"
    /// x³ + xy
    case cubic = "x3+xy"
    /// x³ + xy² + y
    case cubicPlusRight = "x3+xy2+y"
    /// x² + y
    case squarePlus = "x2+y"
    /// x³ + y
    case cubePlus = "x3+y"
    /// x + y where x is even, x · y where x is odd.
    case addOrMultiply = "add_or_multiply"
    /// x + y where x is even, x − y where x is odd.
    case addOrSubtract = "add_or_subtract"
    /// The product x·y in a group.
    case compose
    /// x·y·x⁻¹ in a group.
    case conjugate
    /// x·y·x in a group.
    case aba
    /// Independent, uniformly drawn answers: nothing to generalise.
    case random
    /// Answers given one by one.
    case table
    /// The list of operands in rising order.
    case sort
    /// The list of operands backwards.
    case reverse
    /// The list of operands again.
    case copy
    /// The parity of a hidden subset of bits.
    case sparseParity = "sparse_parity"
    /// The digits of the sum of two numbers of k digits.
    case digitAddition = "digit_addition"
    /// Arrays of the user's own.
    case data
    /// (β·x)^d / d! for real vectors x and a hidden direction β.
    case polynomial
    /// What a random network answers to normal inputs.
    case teacher
    /// Four clusters in two directions, opposite ones alike, in a space of many dimensions.
    case xorClusters = "xor_clusters"
    /// The product of a hidden subset of signs, as real inputs ±1.
    case signedParity = "signed_parity"

    /// The operation of a name, of its formula (`x+y`) or of its sign (`+`); nil when unknown.
    package init?(named name: String) {
        let aliases: [String: TaskOperation] = [
            "+": .add, "x+y": .add, "-": .subtract, "x-y": .subtract, "*": .multiply,
            "x*y": .multiply, "xy": .multiply, "/": .divide, "x/y": .divide,
        ]
        guard let found = TaskOperation(rawValue: name) ?? aliases[name] else { return nil }
        self = found
    }

    package init(from decoder: any Decoder) throws {
        let name = try decoder.singleValueContainer().decode(String.self)
        guard let operation = TaskOperation(named: name) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "no operation \(name)"))
        }
        self = operation
    }

    /// Where an operation's operands come from.
    package enum Domain: Sendable, Equatable {
        /// The residues modulo p.
        case residues
        /// The elements of a group.
        case group
        /// Any set of n things.
        case anySet
        /// Sequences longer than two operands.
        case sequences
        /// Rows of real inputs.
        case arrays
    }

    package var domain: Domain {
        switch self {
        case .compose, .conjugate, .aba: .group
        case .random, .table: .anySet
        case .sort, .reverse, .copy, .sparseParity, .digitAddition: .sequences
        case .data, .polynomial, .teacher, .xorClusters, .signedParity: .arrays
        default: .residues
        }
    }

    /// Whether the operation needs inverses of all residues but 0.
    var needsPrime: Bool { self == .divide || self == .divideOrSubtract }

    /// The answer for two residues; nil where it is not defined (division by 0).
    ///
    /// Only for operations on residues; the modulus is at most 2^20, so that nothing overflows.
    func residue(_ x: Int, _ y: Int, modulus p: Int) -> Int? {
        func reduce(_ value: Int) -> Int { (value % p + p) % p }
        switch self {
        case .add: return reduce(x + y)
        case .subtract: return reduce(x - y)
        case .multiply: return reduce(x * y)
        case .divide: return y == 0 ? nil : reduce(x * TaskOperation.inverse(of: y, modulus: p))
        case .divideOrSubtract:
            if y % 2 == 0 { return reduce(x - y) }
            return reduce(x * TaskOperation.inverse(of: y, modulus: p))
        case .squares: return reduce(x * x + y * y)
        case .quadratic: return reduce(x * x + x * y + y * y)
        case .quadraticPlusLeft: return reduce(x * x + x * y + y * y + x)
        case .cubic: return reduce(x * x % p * x + x * y)
        case .cubicPlusRight: return reduce(x * x % p * x + y * y % p * x + y)
        case .squarePlus: return reduce(x * x + y)
        case .cubePlus: return reduce(x * x % p * x + y)
        case .addOrMultiply: return reduce(x % 2 == 0 ? x + y : x * y)
        case .addOrSubtract: return reduce(x % 2 == 0 ? x + y : x - y)
        default: preconditionFailure("\(rawValue) is not an operation on residues")
        }
    }

    /// The answer for two elements of a group.
    func element(_ x: Int, _ y: Int, in group: FiniteGroup) -> Int {
        switch self {
        case .compose: return group.product(x, y)
        case .conjugate: return group.conjugate(x, y)
        case .aba: return group.product(group.product(x, y), x)
        default: preconditionFailure("\(rawValue) is not an operation on groups")
        }
    }

    /// y^(p−2) mod p: the inverse of y for prime p (Fermat).
    private static func inverse(of y: Int, modulus p: Int) -> Int {
        var result = 1
        var base = y % p
        var exponent = p - 2
        while exponent > 0 {
            if exponent & 1 == 1 { result = result * base % p }
            base = base * base % p
            exponent >>= 1
        }
        return result % p
    }

    /// Whether a number has no divisors but 1 and itself.
    package static func isPrime(_ number: Int) -> Bool {
        guard number > 3 else { return number > 1 }
        var divisor = 2
        while divisor * divisor <= number {
            if number % divisor == 0 { return false }
            divisor += 1
        }
        return true
    }
}

extension TaskOperation {
    /// What the operation asks for, in one line.
    package var answer: String {
        switch self {
        case .add: "x + y mod p"
        case .subtract: "x − y mod p"
        case .multiply: "x · y mod p"
        case .divide: "x / y mod p, y ≠ 0, p prime"
        case .divideOrSubtract: "x / y for odd y, else x − y, mod p, p prime"
        case .squares: "x² + y² mod p"
        case .quadratic: "x² + xy + y² mod p"
        case .quadraticPlusLeft: "x² + xy + y² + x mod p"
        case .cubic: "x³ + xy mod p"
        case .cubicPlusRight: "x³ + xy² + y mod p"
        case .squarePlus: "x² + y mod p"
        case .cubePlus: "x³ + y mod p"
        case .addOrMultiply: "x + y for even x, else x · y, mod p"
        case .addOrSubtract: "x + y for even x, else x − y, mod p"
        case .compose: "x · y in a group"
        case .conjugate: "x · y · x⁻¹ in a group"
        case .aba: "x · y · x in a group"
        case .random: "drawn answers: nothing to generalise"
        case .table: "the answers of a file"
        case .sort: "a list in rising order"
        case .reverse: "a list backwards"
        case .copy: "a list again"
        case .sparseParity: "the parity of a hidden subset of bits"
        case .digitAddition: "the digits of the sum of two numbers"
        case .data: "the answers of arrays of your own"
        case .polynomial: "(β·x)^d / d! for a hidden direction β"
        case .teacher: "what a random network answers"
        case .xorClusters: "which of two directions a point's cluster lies in"
        case .signedParity: "the product of a hidden subset of signs"
        }
    }

    /// The settings of `task` that say what the operands are; no other operation takes them.
    package var settings: [String] {
        switch self {
        case .random: ["elements", "task_seed"]
        case .table: ["table", "elements"]
        case .sort, .reverse, .copy: ["operand_length"]
        case .sparseParity: ["bits", "subset_size", "example_count", "task_seed"]
        case .digitAddition: ["digits", "example_count", "task_seed"]
        case .data:
            [
                "data", "answer_kind", "class_count", "input_scaling", "input_mean",
                "input_deviation", "example_count", "test_count",
            ]
        case .polynomial:
            ["dimension", "degree", "answer_noise", "example_count", "test_count", "task_seed"]
        case .teacher:
            [
                "dimension", "outputs", "teacher_widths", "teacher_activation", "teacher_scale",
                "answer_noise", "example_count", "test_count", "task_seed", "task_stream",
            ]
        case .xorClusters:
            ["dimension", "signal", "flip_chance", "example_count", "test_count", "task_seed"]
        case .signedParity:
            ["bits", "subset_size", "online", "example_count", "test_count", "task_seed"]
        default: domain == .group ? ["group", "element_order"] : ["modulus"]
        }
    }
}
