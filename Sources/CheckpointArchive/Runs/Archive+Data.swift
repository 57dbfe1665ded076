package import Checkpoints
internal import Foundation
internal import GRDB
internal import HDF5Files
internal import SystemFiles

/// Arrays that runs learn from, each set once under its digest: `data/DIGEST.h5`, of the same form as
/// the weights of a checkpoint file, or `data/DIGEST.json`, which says where they lie.
extension Archive {
    /// Keeps arrays and gives their digest; nothing happens where they are kept already.
    @discardableResult
    package func keepData(_ arrays: [Tensor]) throws -> Digest {
        let digest = Digest(weights: arrays)
        let path = paths.dataFile(digest)
        guard !path.exists else {
            // What lies there is read before a run relies on it.
            _ = try keptData(digest)
            return digest
        }
        let checkpoint = Checkpoint(step: 0, weights: arrays)
        let summary = try CheckpointFile.Summary(checkpoint)
        let image = try CheckpointFile.image(
            of: checkpoint, summary, run: "", compression: .contiguous)
        try paths.dataFolder.makeFolder()
        try files.write(image, to: path)
        return digest
    }

    /// Keeps the place of arrays and gives their digest.
    @discardableResult
    package func keepReference(_ reference: DataReference, to arrays: [Tensor]) throws -> Digest {
        let digest = Digest(weights: arrays)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        let json = try encoder.encode(reference)
        try paths.dataFolder.makeFolder()
        try files.write(Array(json), to: paths.dataReferenceFile(digest))
        return digest
    }

    /// The arrays of a digest, compared with it; empty where the archive does not know them.
    ///
    /// Errors: the arrays were changed, or those of a reference cannot be read.
    package func data(_ digest: Digest) throws -> [Tensor] {
        if paths.dataFile(digest).exists { return try keptData(digest) }
        let path = paths.dataReferenceFile(digest)
        guard path.exists else { return [] }
        let file = "data/\(digest).json"
        let json = try path.read()
        guard let reference = try? JSONDecoder().decode(DataReference.self, from: Data(json)) else {
            throw ArchiveError(
                .damaged, file: file, cause: "it does not say where the arrays lie",
                advice: "train with --data again")
        }
        guard let read = options.readReference else {
            throw ArchiveError(
                .unusable, file: file,
                cause: "its arrays lie in \(reference.path), which this "
                    + "program does not read", advice: "use the command cairn")
        }
        let arrays = try read(reference)
        guard Digest(weights: arrays) == digest else {
            throw ArchiveError(
                .damaged, file: reference.path,
                cause: "its arrays are not those that the run learnt from",
                advice: "bring the file back as it was when the run was trained")
        }
        return arrays
    }

    private func keptData(_ digest: Digest) throws -> [Tensor] {
        let path = paths.dataFile(digest)
        let file = "data/\(digest).h5"
        let arrays = try ArchiveError.reading(path) {
            let group = try FileSeal.open(path).root().group(CheckpointFile.weights)
            return try CheckpointFile.tensors(in: group, file: file).map(\.0)
        }
        guard Digest(weights: arrays) == digest else {
            throw ArchiveError(
                .damaged, file: file, cause: "its arrays do not have the digest of its name",
                advice: "take the file from a copy of the archive, or train with --data again")
        }
        return arrays
    }

    /// The digests of all arrays that are kept or referred to, and files that are neither.
    package func dataFiles() -> (digests: [Digest], others: [String]) {
        let names = (try? paths.dataFolder.names()) ?? []
        var (digests, others) = (Set<Digest>(), [String]())
        for name in names {
            let parts = name.split(separator: ".").map(String.init)
            if parts.count == 2, ["h5", "json"].contains(parts[1]),
                let digest = Digest(hexadecimal: parts[0])
            {
                digests.insert(digest)
            } else {
                others.append(name)
            }
        }
        return (digests.sorted { $0.description < $1.description }, others)
    }

    /// Takes over the arrays that another archive keeps.
    package func mergeData(of other: Archive) throws {
        for digest in other.dataFiles().digests where !paths.dataFile(digest).exists {
            if other.paths.dataFile(digest).exists {
                try keepData(try other.data(digest))
            } else if !paths.dataReferenceFile(digest).exists {
                let json = try other.paths.dataReferenceFile(digest).read()
                try paths.dataFolder.makeFolder()
                try files.write(json, to: paths.dataReferenceFile(digest))
            }
        }
    }

    /// Reads all arrays that are kept and names what is wrong with them.
    func verifyData(isQuick: Bool) throws -> [ArchiveProblem] {
        let (digests, others) = dataFiles()
        let needed = try lookUp {
            try String.fetchAll(
                $0,
                sql: """
                    SELECT DISTINCT value FROM hyperparameters
                    WHERE name = 'data' AND typeof(value) = 'text' AND length(value) = 64
                    ORDER BY value
                    """)
        }
        func problem(
            _ kind: ArchiveProblem.Kind, _ file: String, _ explanation: String
        ) -> ArchiveProblem {
            ArchiveProblem(
                kind: kind, run: "", file: file, step: nil, tensor: nil, explanation: explanation)
        }
        var problems = others.map {
            problem(.orphan, "data/\($0)", "it is not a file of arrays that Cairn wrote")
        }
        for digest in needed.compactMap({ Digest(hexadecimal: $0) }) where !digests.contains(digest)
        {
            problems.append(
                problem(
                    .missingFile, "data/\(digest).h5",
                    "runs learnt from its arrays; merge an archive that has them, or train with "
                        + "--data again"))
        }
        guard !isQuick else { return problems }
        for digest in digests where paths.dataFile(digest).exists {
            do {
                _ = try keptData(digest)
            } catch let error as any UserErrorConvertible {
                problems.append(problem(.damagedFile, "data/\(digest).h5", error.cause))
            } catch {
                problems.append(problem(.damagedFile, "data/\(digest).h5", "\(error)"))
            }
        }
        return problems
    }
}

extension StoredRun {
    /// The arrays of a digest that the archive keeps.
    package func data(_ digest: Digest) throws -> [Tensor] { try archive.data(digest) }
}
