internal import Checkpoints

/// One checkpoint for people: curves, norms, key frequencies and eigenvalues first, on at most two
/// screens; what else is known is named with the statement that prints it.
struct CheckpointReport {
    private let checkpoint: CheckpointDetails
    private let rows: RowOptions

    /// More tensors than this are not listed unasked.
    private static let longestTable = 16

    init(_ checkpoint: CheckpointDetails, rows: RowOptions) {
        self.checkpoint = checkpoint
        self.rows = rows
    }

    func write(withDigests: Bool) throws {
        try rows.writer().write(
            columns: ["checkpoint", "\(checkpoint.name)@\(checkpoint.step)"],
            rows: facts(withDigest: withDigests))
        if withDigests {
            try Output.standard.write("\n")
            try rows.writer(importance: ["SHA-256"]).write(
                columns: ["tensor", "SHA-256"], rows: checkpoint.tensors.map { [$0[0], $0[3]] })
        } else {
            try writeTensors()
        }
        try writeOthers()
    }

    private func facts(withDigest: Bool) -> [[ScalarValue]] {
        var facts: [(String, String)] = checkpoint.metrics.map {
            ($0[0].written, $0[1].rounded.written)
        }
        let keys =
            checkpoint.result("measurements")?.cells(
                ["subject", "text"], where: "measure", is: "key_frequency") ?? []
        let bySubject = Dictionary(grouping: keys) { $0[0].written }
        for (subject, keys) in bySubject.sorted(by: { $0.key < $1.key }) {
            let texts = keys.map { $0[1].written }
            facts.append(
                (
                    "keys of \(subject)",
                    texts.prefix(12).joined(separator: ", ")
                        + (texts.count > 12 ? ", … (\(texts.count) in all)" : "")
                ))
        }
        let eigenvalues =
            checkpoint.result("hessian_eigenvalues")?.cells(
                ["operator", "split", "side", "eigenvalue"]) ?? []
        var seen: [String] = []
        for row in eigenvalues {
            let title = "\(row[2].written) eigenvalues (\(row[0].written), \(row[1].written))"
            if seen.contains(title) { continue }
            seen.append(title)
            let values = eigenvalues.filter { $0[0...2] == row[0...2] }.compactMap { $0[3].real }
            facts.append(
                (
                    title,
                    values.prefix(5).map { NumberText.rounded($0) }.joined(separator: ", ")
                        + (values.count > 5 ? ", … (\(values.count) in all)" : "")
                ))
        }
        let state = checkpoint.cell("has_optimizer_state") == .integer(1)
        facts += [
            ("run", checkpoint.run), ("file", checkpoint.cell("file").written),
            (
                "stored",
                NumberText.bytes(checkpoint.cell("bytes").integer ?? 0) + " of weights, "
                    + (state ? "with" : "without") + " the optimiser's state"
            ),
        ]
        if withDigest { facts.append(("SHA-256", checkpoint.cell("digest").written)) }
        return facts.map { [.text($0.0), .text($0.1)] }
    }

    /// The tensors with their norms, where those are known.
    private func writeTensors() throws {
        var norms: [String: [ScalarValue]] = [:]
        for row in checkpoint.result("weight_norms")?.cells(
            ["tensor", "l2", "rms", "linf", "spectral"]) ?? []
        {
            norms[row[0].written] = Array(row.dropFirst())
        }
        var listed = checkpoint.tensors.map { tensor in
            [tensor[0], tensor[1], tensor[2]] + (norms[tensor[0].written] ?? [])
        }
        let total = norms["total"].map { [[.text("total"), .null, .null] + $0] } ?? []
        let hidden = listed.count > CheckpointReport.longestTable ? listed.count : 0
        if hidden > 0 { listed = [] }
        guard !(listed + total).isEmpty else { return }
        let columns =
            ["tensor", "shape", "type"]
            + (norms.isEmpty ? [] : ["l2", "rms", "largest", "spectral"])
        try Output.standard.write("\n")
        try rows.writer(importance: ["shape", "l2", "rms", "spectral", "largest", "type"]).write(
            columns: columns,
            rows: (total + listed).map { row in
                (row + Array(repeating: .null, count: max(columns.count - row.count, 0)))
                    .map(\.rounded)
            })
        if hidden > 0 {
            try Output.standard.write("\(hidden) tensors: \(question("weight_norms"))\n")
        }
    }

    /// The views that hold more than was shown.
    private func writeOthers() throws {
        let whole: Set = ["weight_norms", "hessian_eigenvalues"]
        let others = checkpoint.results.filter { !whole.contains($0.view) && !isShown($0) }
        guard !others.isEmpty else { return }
        try Output.standard.write("\n")
        try rows.writer().write(
            columns: ["more", "rows"],
            rows: others.map { [.text($0.view), .integer($0.rows.count)] })
        try Output.standard.flush()
        Output.error.remark("To see them: \(question(others[0].view))")
    }

    /// The list of all results of curvature says nothing beside eigenvalues that are shown.
    private func isShown(_ result: CheckpointDetails.ViewRows) -> Bool {
        result.view == "curvature_measures"
            && result.rows.count == checkpoint.result("hessian_eigenvalues")?.rows.count
    }

    private func question(_ view: String) -> String {
        "cairn sql \"SELECT * FROM \(view) WHERE run = '\(checkpoint.run)' AND step = "
            + "\(checkpoint.step)\""
    }
}
