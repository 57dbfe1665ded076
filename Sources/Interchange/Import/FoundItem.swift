internal import Checkpoints

/// One thing that reading found in a file; planning gives it a fate.
struct FoundItem: Sendable {
    enum Content: Sendable {
        /// A tensor of a network.
        case tensor(StoredTensor)
        /// A part of an optimiser's memory: `count` entries that belong together.
        case optimizer
        case curve(FoundCurve)
        /// A number that was measured at the file's own step.
        case scalar(Double)
        case setting(Value)
        /// A number that says at which step the file stands.
        case step
        /// The rows of a split.
        case rows
        /// Something that is not kept, with the reason.
        case leftOut(String)
    }

    /// Its path in the file, keys joined with dots.
    let name: String
    let content: Content
    /// The values it has: the points of a curve, else 1.
    let count: Int
    /// The place of its state in a file of many; nil where it belongs to the file itself.
    let series: Int?

    init(_ name: String, _ content: Content, count: Int = 1, series: Int? = nil) {
        self.name = name
        self.content = content
        self.count = count
        self.series = series
    }
}

/// One of many states of a file.
struct SeriesState: Sendable {
    let step: Int
    let weights: TensorSource
    /// What stands before the names of its tensors in the file.
    let prefix: String
}

/// A curve of a file, with the steps that the file gives it.
struct FoundCurve: Sendable {
    /// What the numbers beside the values count.
    enum Axis: Sendable, Equatable {
        case updates
        case epochs
        /// Nothing stands beside them: their positions, counted from 0.
        case positions
    }

    /// Cairn's name where it is a standard curve, else its own.
    let name: String
    let axis: Axis
    /// As many as there are values.
    let steps: [Int]
    let values: [Double]

    init(name: String, axis: Axis, steps: [Int], values: [Double]) {
        precondition(steps.count == values.count, "each value has its step")
        self.name = name
        self.axis = axis
        self.steps = steps
        self.values = values
    }

    /// A list without steps.
    init(name: String, values: [Double]) {
        self.init(name: name, axis: .positions, steps: Array(values.indices), values: values)
    }
}

/// What a file itself says about its step.
struct StepClues: Sendable, Equatable {
    /// A number under a name that means updates, with that name.
    var updates: (name: String, step: Int)?
    var epoch: Int?
    /// The count of the first optimiser.
    var optimizer: Int?

    static func == (left: StepClues, right: StepClues) -> Bool {
        left.updates?.step == right.updates?.step && left.updates?.name == right.updates?.name
            && left.epoch == right.epoch && left.optimizer == right.optimizer
    }
}
