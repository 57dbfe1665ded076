internal import ArgumentParser
internal import CheckpointArchive
internal import Checkpoints
internal import Foundation

/// `cairn init`: an empty archive.
struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Make an empty archive (train makes one by itself).")

    @OptionGroup var common: CommonOptions

    func run() throws {
        let archive = try Archive.create(at: common.archivePath)
        common.note("Made an archive in \(archive.paths.root).")
    }
}
