internal import Checkpoints

/// An option for sbatch, for example `partition` with the value `gpu`.
package struct SlurmSetting: Sendable, Equatable {
    package let name: String
    /// Nil for an option that has none.
    package let value: String?

    package init(name: String, value: String?) throws {
        let isName =
            !name.isEmpty && name.first != "-"
            && name.utf8.allSatisfy { (0x61...0x7a).contains($0) || $0 == UInt8(ascii: "-") }
        let isLine = value?.utf8.allSatisfy { $0 >= 0x20 } ?? true
        guard isName, isLine else {
            throw UserError.usage(
                subject: "the option \(name) for sbatch",
                cause: "it is not a long name with a value on one line",
                advice: "write it as in --partition=gpu, or partition: gpu in the sweep file")
        }
        self.name = name
        self.value = value
    }

    /// Reads `--partition=gpu`.
    package init(written text: String) throws {
        let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
        guard text.hasPrefix("--"), let name = parts.first?.dropFirst(2) else {
            throw UserError.usage(
                subject: "--sbatch \(text)", cause: "it is not an option with its long name",
                advice: "write it as in --partition=gpu")
        }
        try self.init(name: String(name), value: parts.count > 1 ? parts[1] : nil)
    }
}
