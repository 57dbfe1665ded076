internal import Checkpoints

/// Plain pickles, as `pickle.dump` writes them: numbers, texts, lists, dictionaries, NumPy arrays.
enum PickleFile {
    /// Whether a file begins like a pickle of one of the protocols that are read.
    static func isPickle(_ start: [UInt8]) -> Bool {
        start.count > 2 && start[0] == 0x80 && (2...5).contains(start[1])
    }

    /// What a pickle holds; nothing in it is ever executed.
    static func read(_ file: SourceFile) throws -> Value {
        do {
            return try value(
                of: try file.read(at: 0, count: file.byteCount),
                largestContent: ZipArchive.largestContent(of: file))
        } catch let problem as PickleMachine.Problem {
            throw UserError.unreadable(file.path, problem.cause, advice: problem.advice)
        } catch let ended as ByteCursor.Ended {
            throw UserError.unreadable(
                file.path, "its pickle ends early, at byte \(ended.position)")
        }
    }

    static func value(of bytes: [UInt8], largestContent: Int) throws -> Value {
        var machine = PickleMachine(bytes, largestContent: largestContent) { _ in
            throw PickleMachine.Problem(
                cause: "its pickle has a tensor whose storage is in no file",
                advice: "save it with torch.save")
        }
        return try machine.run()
    }
}
