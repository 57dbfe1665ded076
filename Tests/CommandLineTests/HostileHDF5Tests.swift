import Foundation
import TestSupport
import Testing

/// HDF5 files of strangers, read by the command as people use it.
@Suite struct HostileHDF5Tests {
    private static let h5py = ReferencePython.interpreter(with: "h5py", "numpy")

    private let fixture: CommandLineFixture

    init() throws { fixture = try CommandLineFixture() }

    @Test(.enabled(if: h5py != nil, "h5py is not installed"))
    func filesThatPointOutsideOrLieAreRefused() throws {
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Examples/make_hostile_hdf5.py").path
        let folder = fixture.folder.path("hostile")
        let made = try run(try #require(Self.h5py), [script, folder])
        try #require(made.exitCode == 0, "\(made.error)")
        let accessed = try accessTimes(folder)
        let reasons = [
            "external_link": "a is a link elsewhere", "link_to_a_pipe": "a is a link elsewhere",
            "soft_cycle": "a is a link elsewhere", "hard_cycle": "nest deeper than 100",
            "external_storage": "w: HDF5: its elements lie in another file",
            "virtual": "w: HDF5: its elements lie in another file",
            "virtual_pipe": "w: HDF5: its elements lie in another file",
            "huge": "would take more than", "empty_huge": "is not possible",
            "deep": "nest deeper than 100",
            "unknown_filter": "filter 32015, which is not installed",
            "no_numbers": "no arrays of numbers", "cut": "truncated file",
        ]
        for (name, reason) in reasons {
            let file = "hostile/files/\(name).h5"
            let result = try fixture.cairn(["import", file])
            #expect(result.exitCode == 1, "\(name): \(result.output)")
            #expect(result.error.contains("\(name).h5: "), "\(result.error)")
            #expect(result.error.contains(reason), "\(name): \(result.error)")
        }
        #expect(try accessTimes(folder) == accessed)
    }

    /// When the files outside were last read, to the nanosecond.
    private func accessTimes(_ folder: String) throws -> [Int] {
        try ["secret.h5", "secret.bin"].map { name in
            var information = stat()
            try #require(stat("\(folder)/\(name)", &information) == 0)
            return information.st_atim.tv_sec * 1_000_000_000 + information.st_atim.tv_nsec
        }
    }

    @Test(.enabled(if: h5py != nil, "h5py is not installed"))
    func whatIsNoNumberIsNamedAndTheRestIsExact() throws {
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Examples/make_hostile_hdf5.py").path
        let made = try run(
            try #require(Self.h5py), [script, fixture.folder.path("hostile")])
        try #require(made.exitCode == 0, "\(made.error)")
        let result = try fixture.cairn(["import", "hostile/files/mixed.h5", "--step", "0"])
        #expect(result.exitCode == 0, "\(result.error)")
        #expect(
            result.error.contains(
                "choice, fields, named_type, text in an HDF5 file are no numbers"),
            "\(result.error)")
        let rows = try fixture.cairn([
            "sql", "SELECT name, dtype FROM tensors ORDER BY name", "--csv",
        ])
        #expect(
            rows.output
                == "name,dtype\nbrain,bfloat16\ncomplex,complex128\nflags,bool\nw,float64\n")
        let value = try fixture.cairn([
            "sql",
            "SELECT weight(run, 0, 'brain', 1) AS one, weight(run, 0, 'w', 1) AS w FROM runs",
            "--csv",
        ])
        #expect(value.output == "one,w\n1.5,-2.0\n", "\(value.output)")
    }
}
