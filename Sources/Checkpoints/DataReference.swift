/// Where arrays that runs learn from lie, and what they are called there.
///
/// An `.npz` file or a folder of MNIST's four files holds all of them; `.npy` and IDX files, gzipped
/// or not, hold one each; a comma-separated table holds inputs and answers.
package struct DataReference: Codable, Sendable, Equatable {
    /// The file or folder.
    package var path: String
    /// Names of arrays inside the file, or files of one array; a table's columns for `answers`.
    package var inputs: String?
    package var answers: String?
    package var testInputs: String?
    package var testAnswers: String?
    /// A second file of the same kind, all of whose examples test.
    package var testPath: String?

    package init(path: String) { self.path = path }
}
