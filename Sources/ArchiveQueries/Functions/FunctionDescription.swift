/// What the documentation says about one SQL function.
///
/// The functions are registered from these descriptions and the guide's table is made from them,
/// so neither can know a function that the other does not.
package struct FunctionDescription: Sendable, Equatable {
    /// How a statement uses it.
    package enum Kind: String, Sendable {
        case scalar
        case aggregate
        case table
    }

    package let name: String
    package let kind: Kind
    /// The arguments in order; the optional ones come last.
    package let arguments: [Argument]
    /// What it returns, with the unit; for a table its columns.
    package let result: String
    /// What it gives where there is nothing to compute from.
    package let missing: String
    /// What one call costs.
    package let cost: String

    /// One argument of a function.
    package struct Argument: Sendable, Equatable {
        package let name: String
        package let isOptional: Bool

        package init(_ name: String, isOptional: Bool = false) {
            self.name = name
            self.isOptional = isOptional
        }
    }

    package init(
        _ name: String, _ kind: Kind, _ arguments: [Argument], result: String, missing: String,
        cost: String
    ) {
        self.name = name
        self.kind = kind
        self.arguments = arguments
        self.result = result
        self.missing = missing
        self.cost = cost
    }

    /// How it is called, for example `grok_step(step, value [, threshold])`.
    package var signature: String {
        var text = name + "("
        for (index, argument) in arguments.enumerated() {
            let separator = index == 0 ? "" : ", "
            text +=
                argument.isOptional
                ? "\(index == 0 ? "" : " ")[\(separator)\(argument.name)]"
                : separator + argument.name
        }
        return text + ")"
    }

    /// The fewest and the most arguments of a call.
    package var argumentCounts: ClosedRange<Int> {
        arguments.count { !$0.isOptional }...arguments.count
    }
}
