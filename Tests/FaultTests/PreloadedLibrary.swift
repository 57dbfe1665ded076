import Foundation
import TestSupport

/// A library of this folder, compiled for loading before the C library.
struct PreloadedLibrary {
    private let folder: TemporaryFolder
    let path: String

    /// The library from a source in `Preloaded`; nil where there is no C compiler.
    init?(_ name: String) {
        let source = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Preloaded/\(name).c").path
        guard let folder = try? TemporaryFolder(),
            let compiler = PreloadedLibrary.compiler,
            let result = try? run(
                compiler,
                [
                    "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o",
                    folder.path("\(name).so"), source, "-ldl",
                ]), result.exitCode == 0
        else { return nil }
        self.folder = folder
        path = folder.path("\(name).so")
    }

    static let compiler = ["/usr/bin/cc", "/usr/bin/clang"].first {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    /// Whether this system can load one.
    static var isPossible: Bool {
        #if os(Linux)
        compiler != nil
        #else
        false
        #endif
    }
}
