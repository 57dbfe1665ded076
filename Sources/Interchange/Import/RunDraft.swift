internal import Checkpoints
internal import Networks

/// The files that make one run, read and sorted, before they are put together.
struct RunDraft {
    /// A file, or several that belong together, with the state of one step.
    struct Member {
        /// Relative to the root; empty where the root is the file itself.
        let path: String
        /// All files that it was read from.
        var files: [String]
        var file: ForeignFile
        let name: NameNumbers
        /// What is in files beside the first, with the file it is in.
        var further: [(path: String, items: [FoundItem])] = []
    }

    /// A file of curves.
    struct CurveSource {
        let path: String
        let items: [FoundItem]
    }

    /// A file or folder, as the person gave it or below that.
    let root: String
    /// Whether the root is the one file that is imported.
    let isFile: Bool
    /// The run's own name where one root holds several, part of its id.
    var part = ""
    var name: String
    var layout: String?
    var members: [Member] = []
    var curves: [CurveSource] = []
    /// Settings of files beside the weights.
    var settings: [(path: String, items: [FoundItem])] = []
    /// Settings that names of files and folders give, with those names.
    var namedSettings: [(setting: Hyperparameter, evidence: String)] = []
    /// Further files whose content went in.
    var otherFiles: [String] = []
    var task: TaskConfiguration?
    var published: [MetricPoint] = []
    var notes: [String] = []
    /// The step of a state whose file and name do not say it.
    var finalStep: Int?
    /// What the steps count where the layout says it.
    var stepConvention: String?
    /// Digests of files of which only a part went in.
    var knownDigests: [String: String] = [:]
    /// What has its fate already.
    var account = ImportAccount()

    init(root: String, isFile: Bool, name: String) {
        self.root = root
        self.isFile = isFile
        self.name = name
    }

    /// The path of a file of the draft.
    func fullPath(_ relative: String) -> String {
        relative.isEmpty ? root : root + "/" + relative
    }

    /// Everything that was found for it, with its file.
    var found: [(path: String, item: FoundItem)] {
        let sources =
            members.flatMap { [($0.path, $0.file.items)] + $0.further.map { ($0.path, $0.items) } }
            + curves.map { ($0.path, $0.items) } + settings.map { ($0.path, $0.items) }
        return sources.flatMap { path, items in items.map { (path, $0) } }
    }

    /// All files whose content goes in.
    var files: [String] {
        members.flatMap(\.files) + curves.map(\.path) + settings.map(\.path) + otherFiles
    }
}
