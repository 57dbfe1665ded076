internal import Checkpoints
internal import Foundation

/// SVG turned into PDF or PNG by librsvg's `rsvg-convert`, where it is installed.
package enum VectorConversion {
    package enum Format: String, Sendable, CaseIterable {
        case pdf
        case png
    }

    /// Whether the program is there.
    package static var isAvailable: Bool { program != nil }

    private static var program: String? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        return path.split(separator: ":").map { "\($0)/rsvg-convert" }.first {
            FileManager.default.isExecutableFile(atPath: $0)
        }
    }

    /// The converted file; PNG has 300 dots an inch.
    package static func converted(_ svg: String, to format: Format) throws -> [UInt8] {
        guard let program else {
            throw UserError.missing(
                subject: format.rawValue.uppercased(), cause: "rsvg-convert is not installed",
                advice: "install the package librsvg2-bin, or write SVG")
        }
        let manager = FileManager.default
        let folder = manager.temporaryDirectory.appendingPathComponent(
            "cairn-\(UUID().uuidString)")
        defer { try? manager.removeItem(at: folder) }
        do {
            try manager.createDirectory(at: folder, withIntermediateDirectories: true)
            let source = folder.appendingPathComponent("figure.svg")
            let target = folder.appendingPathComponent("figure.\(format.rawValue)")
            try Data(svg.utf8).write(to: source)
            let process = Process()
            process.executableURL = URL(fileURLWithPath: program)
            process.arguments = [
                "--format", format.rawValue, "--dpi-x", "300", "--dpi-y", "300", "--unlimited",
                "--output", target.path, source.path,
            ]
            process.standardInput = FileHandle.nullDevice
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            guard process.terminationStatus == 0 else {
                throw UserError.missing(
                    subject: format.rawValue.uppercased(),
                    cause: "rsvg-convert ended with \(process.terminationStatus)",
                    advice: "write SVG, or make room in \(folder.deletingLastPathComponent().path)")
            }
            return [UInt8](try Data(contentsOf: target))
        } catch let error as UserError {
            throw error
        } catch {
            throw UserError.missing(
                subject: format.rawValue.uppercased(),
                cause: "the picture cannot be put into \(folder.deletingLastPathComponent().path)",
                advice: "make room there, or write SVG")
        }
    }
}
