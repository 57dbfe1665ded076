internal import Checkpoints
internal import Foundation
internal import SystemFiles

/// A claim that holds between machines, also on file systems that have no locks.
///
/// It rests on one promise that every file system keeps: of several processes that make a file of one
/// name, one succeeds. Each time that a claim passes on, a file with the next number is made; whoever
/// has made the file with the highest number has the claim. So a claim can be taken from a dead task
/// without a moment at which two take it.
package struct SharedClaim: Sendable {
    package enum Attempt: Sendable {
        case ours(SharedClaim)
        /// A task that seems to live has it.
        case held(by: String)
    }

    private let folder: RootedPath
    private let name: String
    private let generation: Int

    private static let released = "released"

    /// Claims a name for a task, unless a task has it that lives.
    package static func attempt(
        _ name: String, in queue: IncomingQueue, for task: TaskMark, _ watch: TaskWatch
    ) throws -> Attempt {
        let folder = queue.claimsFolder
        let latest = try generations(of: name, in: folder).last
        if let latest {
            // Gone since it was listed: somebody has just taken over.
            guard let holder = try holder(name, latest, folder) else { return .held(by: "") }
            if holder != released, watch.isAlive(holder) { return .held(by: holder) }
        }
        let claim = SharedClaim(folder: folder, name: name, generation: (latest ?? 0) + 1)
        do throws(FileError) {
            try claim.path.open(.creating).write(Array("\(task.token)\n".utf8))
        } catch {
            guard error.isTaken else { throw error }
            return .held(by: try holder(name, claim.generation, folder) ?? "")
        }
        // What was listed can be long ago: then the number has been used and passed on.
        guard try claim.isLatest else {
            try? claim.path.remove()
            return .held(by: "")
        }
        for old in try generations(of: name, in: folder) where old < claim.generation {
            try? path(name, old, folder).remove()
        }
        return .ours(claim)
    }

    /// Whether nobody has taken the claim away, as from a task that gave no sign of life for long.
    ///
    /// Errors: the folder of the claims cannot be read, so that nobody knows.
    package var isStillOurs: Bool {
        get throws {
            guard try folder.status()?.kind == .folder else {
                throw FileError("read", folder.absolute, .notFolder)
            }
            return try isLatest
        }
    }

    /// Lets others have it.
    package func release() {
        // A claim that was taken away has its file no longer.
        try? path.open(.writing).write(Array("\(SharedClaim.released)\n".utf8))
    }

    /// Ends the claim for good, where what was claimed is done, which whoever claims it anew looks at.
    package func end() { try? path.remove() }

    /// The tasks that hold claims, by the names of the claims.
    package static func holders(in queue: IncomingQueue) throws -> [String: String] {
        var holders: [String: (generation: Int, holder: String)] = [:]
        for file in try queue.claimsFolder.names() {
            let parts = file.split(separator: ".")
            guard parts.count == 2, let generation = Int(parts[1]) else { continue }
            let name = String(parts[0])
            guard generation > holders[name]?.generation ?? 0,
                let holder = try holder(name, generation, queue.claimsFolder)
            else { continue }
            holders[name] = (generation, holder)
        }
        return holders.mapValues(\.holder).filter { $0.value != released }
    }

    private var path: RootedPath { SharedClaim.path(name, generation, folder) }

    private var isLatest: Bool {
        get throws(FileError) {
            try SharedClaim.generations(of: name, in: folder).last == generation
        }
    }

    private static func path(_ name: String, _ generation: Int, _ folder: RootedPath) -> RootedPath
    {
        folder.appending("\(name).\(generation)")
    }

    /// The numbers of a claim's files, rising.
    private static func generations(
        of name: String, in folder: RootedPath
    ) throws(FileError) -> [Int] {
        try folder.names().filter { $0.hasPrefix("\(name).") }
            .compactMap { Int($0.dropFirst(name.utf8.count + 1)) }.sorted()
    }

    /// Who has a claim, empty where its owner is about to write its name; nil where it is gone.
    private static func holder(
        _ name: String, _ generation: Int, _ folder: RootedPath
    ) throws(FileError) -> String? {
        guard let bytes = try path(name, generation, folder).readIfPresent() else { return nil }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").first.map(String.init)
            ?? ""
    }
}
