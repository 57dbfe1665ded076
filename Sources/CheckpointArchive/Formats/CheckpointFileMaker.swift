internal import Checkpoints
internal import HDF5Files
internal import Synchronization

/// Makes the files of one run's checkpoints, by templates once it has seen their form twice.
final class CheckpointFileMaker: Sendable {
    private let run: String
    private let compression: HDF5Layout
    private let state = Mutex(State())

    /// Steps with and without evaluation, first and later ones, and some that are rare.
    private static let largestCount = 4

    private struct State {
        var templates: [CheckpointTemplate] = []
        /// Forms that were seen once, or that no template can be made for; newest last.
        var seen: [CheckpointForm] = []
        var unsuitable: [CheckpointForm] = []
        var templateUseCount = 0
    }

    init(run: String, compression: HDF5Layout) {
        self.run = run
        self.compression = compression
    }

    /// How many files came from a template.
    var templateUseCount: Int { state.withLock { $0.templateUseCount } }

    /// Makes the bytes of a checkpoint's file.
    ///
    /// `begin` gets them as soon as the values of the tensors are in, which is nearly all; `finish`
    /// gets them whole, with the parts that have changed since then. Hashing comes between the two.
    func withImage<Value: Sendable>(
        of checkpoint: Checkpoint, _ layout: TensorLayout,
        begin: ([UInt8]) throws -> Void,
        finish: ([UInt8], _ changed: [Range<Int>], CheckpointFile.Summary) throws -> Value
    ) throws -> Value {
        func whole(_ image: [UInt8], _ summary: CheckpointFile.Summary) throws -> Value {
            try begin(image)
            return try finish(image, [], summary)
        }
        // Deflated blocks change their sizes with their values.
        guard compression == .contiguous,
            let form = CheckpointForm(checkpoint, layout, run: run)
        else {
            let summary = CheckpointFile.Summary(checkpoint, layout)
            return try whole(libraryImage(of: checkpoint, summary), summary)
        }
        return try state.withLock { state in
            if let index = state.templates.firstIndex(where: { $0.form == form }) {
                state.templateUseCount += 1
                state.templates[index].fillValues(of: checkpoint)
                guard checkpoint.weightDigests == nil else {
                    let summary = CheckpointFile.Summary(checkpoint, layout)
                    state.templates[index].fillRest(of: checkpoint, summary)
                    return try whole(state.templates[index].image, summary)
                }
                try begin(state.templates[index].image)
                let summary = CheckpointFile.Summary(checkpoint, layout)
                state.templates[index].fillRest(of: checkpoint, summary)
                let image = state.templates[index].image
                return try finish(image, FileSeal.outside(of: image), summary)
            }
            let summary = CheckpointFile.Summary(checkpoint, layout)
            let image = try libraryImage(of: checkpoint, summary)
            if state.seen.contains(form) {
                try addTemplate(form, checkpoint, summary, image, &state)
            } else if !state.unsuitable.contains(form) {
                CheckpointFileMaker.add(form, to: &state.seen)
            }
            return try whole(image, summary)
        }
    }

    private func libraryImage(
        of checkpoint: Checkpoint, _ summary: CheckpointFile.Summary
    ) throws -> [UInt8] {
        try CheckpointFile.image(of: checkpoint, summary, run: run, compression: compression)
    }

    private func addTemplate(
        _ form: CheckpointForm, _ checkpoint: Checkpoint, _ summary: CheckpointFile.Summary,
        _ image: [UInt8], _ state: inout State
    ) throws {
        state.seen.removeAll { $0 == form }
        let template = try CheckpointTemplate(
            form, from: checkpoint, summary, image: image, run: run)
        if let template {
            CheckpointFileMaker.add(template, to: &state.templates)
        } else {
            CheckpointFileMaker.add(form, to: &state.unsuitable)
        }
    }

    private static func add<Element>(_ element: Element, to list: inout [Element]) {
        list.append(element)
        if list.count > largestCount { list.removeFirst() }
    }
}
