internal import Checkpoints
internal import HDF5Files
internal import Synchronization

/// Makes the files of one run's checkpoints, by templates once it has seen their form twice.
final class CheckpointImages: Sendable {
    private let run: String
    private let layout: HDF5Layout
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

    init(run: String, layout: HDF5Layout) {
        self.run = run
        self.layout = layout
    }

    /// How many files came from a template.
    var templateUseCount: Int { state.withLock { $0.templateUseCount } }

    /// Hands the bytes of a checkpoint's file to `body`.
    func withImage<Value: Sendable>(
        of checkpoint: Checkpoint, _ summary: CheckpointFile.Summary,
        _ body: ([UInt8]) throws -> Value
    ) throws -> Value {
        // Deflated blocks change their sizes with their values.
        guard layout == .contiguous,
            let form = CheckpointForm(checkpoint, summary.layout, run: run)
        else { return try body(libraryImage(of: checkpoint, summary)) }
        return try state.withLock { state in
            if let index = state.templates.firstIndex(where: { $0.form == form }) {
                state.templates[index].fill(with: checkpoint, summary)
                state.templateUseCount += 1
                return try body(state.templates[index].image)
            }
            let image = try libraryImage(of: checkpoint, summary)
            if state.seen.contains(form) {
                try addTemplate(form, checkpoint, summary, image, &state)
            } else if !state.unsuitable.contains(form) {
                CheckpointImages.add(form, to: &state.seen)
            }
            return try body(image)
        }
    }

    private func libraryImage(
        of checkpoint: Checkpoint, _ summary: CheckpointFile.Summary
    ) throws -> [UInt8] {
        try CheckpointFile.image(of: checkpoint, summary, run: run, layout: layout)
    }

    private func addTemplate(
        _ form: CheckpointForm, _ checkpoint: Checkpoint, _ summary: CheckpointFile.Summary,
        _ image: [UInt8], _ state: inout State
    ) throws {
        state.seen.removeAll { $0 == form }
        let template = try CheckpointTemplate(
            form, from: checkpoint, summary, image: image, run: run)
        if let template {
            CheckpointImages.add(template, to: &state.templates)
        } else {
            CheckpointImages.add(form, to: &state.unsuitable)
        }
    }

    private static func add<Element>(_ element: Element, to list: inout [Element]) {
        list.append(element)
        if list.count > largestCount { list.removeFirst() }
    }
}
