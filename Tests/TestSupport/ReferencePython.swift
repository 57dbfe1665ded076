internal import Foundation

/// A Python with a library that tests compare with, where one is installed.
///
/// `CAIRN_REFERENCE_PYTHON` names an interpreter to try before Debian's own.
package enum ReferencePython {
    /// The first interpreter that can import all modules; nil when there is none.
    package static func interpreter(with modules: String...) -> String? {
        let candidates =
            [ProcessInfo.processInfo.environment["CAIRN_REFERENCE_PYTHON"], "/usr/bin/python3"]
            .compactMap { $0 }.filter { FileManager.default.isExecutableFile(atPath: $0) }
        return candidates.first {
            let probe = try? run($0, ["-c", "import " + modules.joined(separator: ", ")])
            return probe?.exitCode == 0
        }
    }
}
