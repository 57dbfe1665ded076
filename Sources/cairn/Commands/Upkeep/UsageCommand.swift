internal import ArgumentParser
internal import CheckpointArchive
internal import Checkpoints
internal import Foundation

/// `cairn du`: what the archive takes on disk.
struct UsageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "du", abstract: "Tell the size of each run by kind of file.")

    @OptionGroup var common: CommonOptions
    @OptionGroup var rows: RowOptions

    func run() throws {
        let usages = try ArchiveAccess(common).openReadOnly().usage()
        let isForPeople = rows.format == .table || rows.format == .markdown
        func size(_ bytes: Int) -> ScalarValue {
            isForPeople ? .text(NumberText.bytes(bytes)) : ScalarValue(bytes)
        }
        var lines = usages.map { usage in
            [
                .text(usage.run), .text(usage.name), .text(usage.kind),
                ScalarValue(usage.fileCount),
                size(usage.byteCount),
            ]
        }
        if isForPeople {
            let total = usages.reduce(0) { $0 + $1.byteCount }
            let files = usages.reduce(0) { $0 + $1.fileCount }
            lines.append([.text("total"), .null, .null, ScalarValue(files), size(total)])
        }
        try rows.writer().write(
            columns: ["run", "name", "kind", "files", isForPeople ? "size" : "bytes"], rows: lines)
    }
}
