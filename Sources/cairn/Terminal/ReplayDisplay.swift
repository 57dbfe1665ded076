/// Says what recomputing a step costs before it is done, and how far it has come.
final class ReplayDisplay {
    private let isQuiet: Bool
    private var bar: ProgressBar?
    private var target: Int?
    private var origin = 0

    init(isQuiet: Bool) { self.isQuiet = isQuiet }

    /// Tells that `step` updates on the way to a step that is wanted are done.
    func show(_ step: Int, target: Int) {
        if target != self.target {
            bar?.end()
            self.target = target
            origin = step
            let count = target - step
            if !isQuiet { Output.error.note(ReplayDisplay.notice(count, from: step, to: target)) }
            bar = ProgressBar("replay", unit: "steps", total: count, isQuiet: isQuiet)
        }
        bar?.update(step - origin)
    }

    func end() {
        bar?.end()
        bar = nil
        target = nil
    }

    static func notice(_ count: Int, from origin: Int, to target: Int) -> String {
        "Step \(NumberText.grouped(target)) is not stored: "
            + "\(NumberText.grouped(count)) \(count == 1 ? "update" : "updates") from step "
            + "\(NumberText.grouped(origin)) are computed again; no state of the optimiser is kept nearer "
            + "(train --optimizer-states keeps them)."
    }
}
