internal import ArgumentParser
internal import Checkpoints

/// `cairn client`: the file to put beside a notebook or a training script.
struct ClientCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "client",
        abstract: "Print the client for a language: python.",
        discussion: """
            cairn client python > cairn.py

            The file needs nothing but Python 3.9: Archive(path) asks an archive (.sql, .query, \
            .runs) and reads weights (.weights, .tensors, .state_dict, .xarray, with h5py and what \
            they are named after); Run(name, settings) records a training (.log, .checkpoint, \
            .finish) and never ends or stops it.
            """)

    @Argument(help: "The language: python.")
    var language: String

    func run() throws {
        guard language.lowercased() == "python" else {
            throw UserError.usage(
                subject: "language \(language)", cause: "there is no client for it",
                advice: "choose python; other languages print lines for cairn record")
        }
        try Output.standard.write(bytes: PackageResources.cairn_py)
    }
}
