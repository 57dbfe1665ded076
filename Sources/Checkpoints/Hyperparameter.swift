/// A typed hyperparameter; the type survives storage and SQL.
package enum HyperparameterValue: Sendable, Equatable {
    case integer(Int)
    case real(Double)
    case text(String)
    case boolean(Bool)
    /// A setting that is explicitly absent, such as "no schedule".
    case none
}

/// One named setting of a run, for example `weight_decay` = 1.
package struct Hyperparameter: Sendable, Equatable {
    package let name: String
    package let value: HyperparameterValue

    package init(_ name: String, _ value: HyperparameterValue) {
        self.name = name
        self.value = value
    }
}
