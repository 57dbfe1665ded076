package import Checkpoints
internal import Foundation
internal import Networks

/// Names that arrays have in published files, the surest first.
private let usualNames: [String: [String]] = [
    DataArray.inputs: ["inputs", "x_train", "X_train", "train_images", "x", "X", "images"],
    DataArray.answers: ["answers", "y_train", "Y_train", "train_labels", "y", "Y", "labels"],
    DataArray.testInputs: ["test_inputs", "x_test", "X_test", "test_images"],
    DataArray.testAnswers: ["test_answers", "y_test", "Y_test", "test_labels"],
]

/// MNIST's files, without the ending of gzip.
private let publishedFiles: [String: String] = [
    DataArray.inputs: "train-images-idx3-ubyte", DataArray.answers: "train-labels-idx1-ubyte",
    DataArray.testInputs: "t10k-images-idx3-ubyte",
    DataArray.testAnswers: "t10k-labels-idx1-ubyte",
]

extension DataReference {
    /// Inputs and answers, and the test arrays where there are any, under the names of `DataArray`.
    package func read() throws -> [Tensor] {
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue
        {
            return try DataReference.folder(path)
        }
        let bytes = try DataReference.content(path)
        if bytes.starts(with: [0x50, 0x4b, 3, 4]) {
            var arrays = try archive(path, isTest: false)
            if let testPath { arrays += try archive(testPath, isTest: true) }
            return arrays
        }
        if DataReference.isArray(bytes) { return try singles() }
        return try tables(bytes)
    }

    // MARK: Kinds of files

    private func archive(_ path: String, isTest: Bool) throws -> [Tensor] {
        let entries = try NumPyArchive.read(path).entries ?? []
        let names = entries.compactMap(\.key.textual)
        func find(_ role: String, given: String?, mustExist: Bool) throws -> StoredTensor? {
            let name = given ?? usualNames[role]?.first { names.contains($0) }
            if let name, let found = entries.first(where: { $0.key.textual == name })?.value.tensor
            {
                return found
            }
            guard mustExist || given != nil else { return nil }
            let option = role.replacing("_", with: "-")
            throw UserError.usage(
                subject: path,
                cause: given.map { "it has no array \($0)" }
                    ?? "which of its arrays are the \(role) is not clear",
                advice: "name it with --\(option); the arrays are "
                    + names.joined(separator: ", "))
        }
        let wanted: [(role: String, stored: String, given: String?, mustExist: Bool)] =
            isTest
            ? [
                (DataArray.inputs, DataArray.testInputs, inputs, true),
                (DataArray.answers, DataArray.testAnswers, answers, true),
            ]
            : [
                (DataArray.inputs, DataArray.inputs, inputs, true),
                (DataArray.answers, DataArray.answers, answers, true),
            ]
                + (testPath != nil
                    ? []
                    : [
                        (DataArray.testInputs, DataArray.testInputs, testInputs, false),
                        (DataArray.testAnswers, DataArray.testAnswers, testAnswers, false),
                    ])
        return try wanted.compactMap { wanted in
            try find(wanted.role, given: wanted.given, mustExist: wanted.mustExist)?
                .load(named: wanted.stored)
        }
    }

    /// Files of one array each: `--data` holds the inputs.
    private func singles() throws -> [Tensor] {
        guard inputs == nil, let answers else {
            throw UserError.usage(
                subject: path, cause: "it holds one array",
                advice: "give the inputs with --data and the file of answers with --answers")
        }
        guard testPath == nil else {
            throw UserError.usage(
                subject: "--test-data", cause: "files of one array each are named one by one",
                advice: "give --test-inputs and --test-answers")
        }
        var arrays = [
            try DataReference.single(path, DataArray.inputs),
            try DataReference.single(answers, DataArray.answers),
        ]
        if let testInputs {
            arrays.append(try DataReference.single(testInputs, DataArray.testInputs))
        }
        if let testAnswers {
            arrays.append(try DataReference.single(testAnswers, DataArray.testAnswers))
        }
        return arrays
    }

    private func tables(_ bytes: [UInt8]) throws -> [Tensor] {
        guard inputs == nil, testInputs == nil, testAnswers == nil else {
            throw UserError.usage(
                subject: path, cause: "all columns of a table but the answers are inputs",
                advice: "give --answers, and test rows with --test-data")
        }
        let columns = answers.map { $0.split(separator: ",").map(String.init) } ?? []
        let (inputs, answers) = try DataTable.read(bytes, path: path, answers: columns)
        guard let testPath else { return [inputs, answers] }
        let tests = try DataTable.read(
            try DataReference.content(testPath), path: testPath, answers: columns)
        return [
            inputs, answers, tests.inputs.renamed(DataArray.testInputs),
            tests.answers.renamed(DataArray.testAnswers),
        ]
    }

    private static func folder(_ path: String) throws -> [Tensor] {
        var arrays: [Tensor] = []
        for role in [
            DataArray.inputs, DataArray.answers, DataArray.testInputs, DataArray.testAnswers,
        ] {
            let name = publishedFiles[role] ?? ""
            let files = ["\(path)/\(name)", "\(path)/\(name).gz"]
                .filter { FileManager.default.fileExists(atPath: $0) }
            guard let file = files.first else {
                throw UserError.missing(
                    subject: "folder \(path)", cause: "it has no file \(name) or \(name).gz",
                    advice: "give the four files of MNIST, or files one by one")
            }
            arrays.append(try single(file, role))
        }
        return arrays
    }

    private static func single(_ path: String, _ name: String) throws -> Tensor {
        let bytes = try content(path)
        if IDXArray.isArray(bytes) { return try IDXArray.read(bytes, path: path, named: name) }
        guard NumPyArray.isArray(bytes) else {
            throw UserError.unreadable(
                path, "it is no array", advice: "give .npy or IDX files, gzipped or not")
        }
        return try NumPyArray.read(SourceFile(memory: bytes, path: path)).load(named: name)
    }

    private static func isArray(_ bytes: [UInt8]) -> Bool {
        NumPyArray.isArray(bytes) || IDXArray.isArray(bytes)
    }

    /// The bytes of a file, inflated where it is gzipped.
    private static func content(_ path: String) throws -> [UInt8] {
        let file = try SourceFile(path: path)
        let head = try file.read(at: 0, count: min(4, file.byteCount))
        return GzipFile.isGzip(head)
            ? try GzipFile.read(file) : try file.read(at: 0, count: file.byteCount)
    }
}

extension Tensor {
    fileprivate func renamed(_ name: String) -> Tensor {
        Tensor(name: name, shape: shape, elementType: elementType, bytes: bytes)
    }
}
