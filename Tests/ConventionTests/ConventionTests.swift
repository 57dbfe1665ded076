import Foundation
import Testing

@Suite struct ConventionTests {
    /// Which modules of the project and which packages each module may import.
    ///
    /// SwiftPM itself does not stop an import of a module that another target happens to build.
    static let allowedImports: [String: Set<String>] = [
        "HDF5Files": ["CHDF5"],
        "VectorMath": [],
        "VectorKernels": ["VectorMath"],
        "WideVectorKernels": ["VectorMath"],
        "ArrayMath": [
            "CFFTW", "COpenBLAS", "VectorMath", "VectorKernels", "WideVectorKernels",
        ],
        "Checkpoints": ["Crypto"],
        "SystemFiles": ["Checkpoints"],
        "Networks": ["ArrayMath", "Checkpoints", "VectorMath"],
        "Training": ["Networks", "ArrayMath", "Checkpoints", "VectorMath", "Yams"],
        "Analysis": ["Networks", "ArrayMath", "Checkpoints", "VectorMath"],
        "Figures": [],
        "ArchiveSchema": [],
        "CheckpointArchive": [
            "CSQLite", "HDF5Files", "SystemFiles", "Checkpoints", "ArchiveSchema", "GRDB",
            "GRDBSQLite",
        ],
        "Interchange": [
            "CZlib", "HDF5Files", "SystemFiles", "Networks", "ArrayMath", "Checkpoints",
            "Yams",
        ],
        "CairnArchive": ["ArchiveQueries", "CheckpointArchive", "Checkpoints"],
        "CairnExtension": ["CSQLite", "ArchiveQueries", "CheckpointArchive", "Checkpoints"],
        "Page": [
            "Figures", "ArchiveQueries", "ArchiveSchema", "Checkpoints", "CheckpointArchive",
            "FlyingFox", "FlyingSocks",
        ],
        "Benchmarks": [
            "CSQLite", "Analysis", "ArchiveQueries", "ArrayMath", "CheckpointArchive",
            "Checkpoints", "Figures", "Networks", "Page", "SystemFiles", "Training", "GRDB",
        ],
        "ArchiveQueries": [
            "CSQLite", "CheckpointArchive", "Analysis", "ArchiveSchema", "ArrayMath",
            "Checkpoints", "Networks", "SystemFiles", "Training", "GRDB",
        ],
    ]

    /// Modules of the language and the platform.
    static let platform: Set<String> = [
        "Foundation", "FoundationEssentials", "Dispatch", "Glibc", "Synchronization", "Swift",
    ]

    @Test func importsFollowTheTableOfModules() throws {
        for (module, allowed) in Self.allowedImports {
            for file in Repository.swiftFiles(below: "Sources/\(module)") {
                for name in try Self.imports(of: file) where !Self.platform.contains(name) {
                    #expect(
                        allowed.contains(name),
                        "\(Repository.relative(file)) imports \(name), which \(module) may not see")
                }
            }
        }
    }

    @Test func wideKernelsAreTheSourceOfThePortableOnes() throws {
        let manager = FileManager.default
        let sources = Repository.root.appendingPathComponent("Sources")
        let names = try manager.contentsOfDirectory(
            atPath: sources.appendingPathComponent("VectorKernels").path)
        let wide = sources.appendingPathComponent("WideVectorKernels")
        #expect(try Set(manager.contentsOfDirectory(atPath: wide.path)) == Set(names))
        for name in names {
            #expect(
                try manager.destinationOfSymbolicLink(
                    atPath: wide.appendingPathComponent(name).path) == "../VectorKernels/\(name)")
        }
    }

    /// The folders of `Sources`, each of which is a module, but for the documents.
    private static func modules() throws -> Set<String> {
        let sources = Repository.root.appendingPathComponent("Sources")
        let entries = try FileManager.default.contentsOfDirectory(
            at: sources, includingPropertiesForKeys: [.isDirectoryKey])
        return Set(
            try entries.filter {
                try $0.resourceValues(forKeys: [.isDirectoryKey]).isDirectory ?? false
            }.map(\.lastPathComponent)
        ).subtracting(["Documentation"])
    }

    @Test func everyModuleOfTheSourcesIsInTheTable() throws {
        let system: Set<String> = ["CHDF5", "CFFTW", "COpenBLAS", "CSQLite", "CZlib", "cairn"]
        for folder in try Self.modules().subtracting(system) {
            #expect(Self.allowedImports[folder] != nil, "\(folder) has no row in the table")
        }
    }

    @Test func theMapOfTheHouseShowsEveryModule() throws {
        let map = try Repository.text("Sources/README.md")
        let start = try #require(map.range(of: "<!-- modules -->"))
        let end = try #require(map.range(of: "<!-- end of modules -->"))
        let rows = map[start.upperBound..<end.lowerBound].split(separator: "\n").dropFirst(2)
        let shown = rows.flatMap { row in
            row.split(separator: "|")[0].split(separator: "`").filter {
                !$0.allSatisfy(\.isWhitespace)
            }.map(String.init)
        }
        #expect(try shown.sorted() == Self.modules().sorted())
    }

    @Test func sourcesNeverDieOnDataNorPromiseUnchecked() throws {
        let forbidden =
            ["try" + "!", "fatal" + "Error(", " as" + "! ", "@unchecked " + "Sendable"]
            + ["nonisolated" + "(unsafe)", "TO" + "DO", "FIX" + "ME"]
        for file in Repository.swiftFiles(below: "Sources") {
            let text = try String(contentsOf: file, encoding: .utf8)
            for word in forbidden {
                #expect(!text.contains(word), "\(Repository.relative(file)) contains \(word)")
            }
        }
    }

    @Test func aSourceFileReadsFromTopToBottom() throws {
        let longest = 500
        for file in Repository.swiftFiles(below: "Sources") {
            let lines = try String(contentsOf: file, encoding: .utf8).split(
                separator: "\n", omittingEmptySubsequences: false)
            #expect(
                lines.count <= longest, "\(Repository.relative(file)) has \(lines.count) lines")
        }
    }

    @Test func continuousIntegrationRunsTheTestCommandOfTheReadme() throws {
        let command = "bash .ci/install tests && swift test"
        #expect(try Repository.text("README.md").contains(command))
        #expect(try Repository.text(".ci/run").contains(command))
    }

    private static func imports(of file: URL) throws -> [String] {
        try String(contentsOf: file, encoding: .utf8).split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard let position = words.firstIndex(of: "import"), position <= 1,
                words.count > position + 1
            else { return nil }
            // `import struct Module.Type` names the module after the kind.
            let kinds: Set<Substring> = [
                "struct", "class", "enum", "protocol", "func", "var", "let",
            ]
            let name =
                kinds.contains(words[position + 1]) ? words[position + 2] : words[position + 1]
            return String(name.split(separator: ".")[0])
        }
    }
}
