/// One file of `queries/`: a question to an archive, answered in SQL.
///
/// The first line of the file is the question as a comment. A comment line `-- :name = value  text`
/// describes a parameter and what it is when nothing is given; without `= value` it must be given.
/// Comment lines `-- picture: …`, `-- title: …`, `-- x-axis: …`, `-- y-axis: …` and
/// `-- color-axis: …` say how the answer is drawn. The comment lines after a lone `--` are notes.
package struct SavedQuery: Sendable, Equatable {
    /// The name of the file without its extension.
    package let name: String
    /// The question, ending in a question mark.
    package let question: String
    /// The parameters in the order of the file.
    package let parameters: [Parameter]
    /// What a reader of the answer should know; empty when there is nothing.
    package let notes: String
    /// How the answer is drawn; nil for a question that is answered in rows alone.
    package let picture: Picture?
    /// The whole text of the file.
    package let sql: String

    /// What the head of a question says about its picture.
    package struct Picture: Sendable, Equatable {
        /// Shape, columns and options, as `line x=step y=value`.
        package var recipe = ""
        package var title = ""
        package var xAxis: String?
        package var yAxis: String?
        package var colorAxis: String?

        /// Takes a comment line that is about the picture; false for any other.
        mutating func take(_ comment: String) -> Bool {
            guard let colon = comment.firstIndex(of: ":") else { return false }
            let text = SavedQuery.trimmed(comment[comment.index(after: colon)...])
            switch comment[..<colon] {
            case "picture": recipe = text
            case "title": title = text
            case "x-axis": xAxis = text
            case "y-axis": yAxis = text
            case "color-axis": colorAxis = text
            default: return false
            }
            return true
        }
    }

    /// One parameter of a saved query.
    package struct Parameter: Sendable, Equatable {
        package let name: String
        /// The value as written in the file; nil when one has to be given.
        package let defaultText: String?
        package let description: String
    }

    /// Every file of `queries/`, by name.
    package static let all: [SavedQuery] = [
        SavedQuery("accuracy_curves", PackageResources.accuracy_curves_sql),
        SavedQuery("aligned_bands", PackageResources.aligned_bands_sql),
        SavedQuery("archive_cost", PackageResources.archive_cost_sql),
        SavedQuery("best_runs", PackageResources.best_runs_sql),
        SavedQuery("checkpoint_spacing", PackageResources.checkpoint_spacing_sql),
        SavedQuery("compare_settings", PackageResources.compare_settings_sql),
        SavedQuery("curve", PackageResources.curve_sql),
        SavedQuery("curves_by_setting", PackageResources.curves_by_setting_sql),
        SavedQuery("embedding_circles", PackageResources.embedding_circles_sql),
        SavedQuery("equal_checkpoints", PackageResources.equal_checkpoints_sql),
        SavedQuery("fork_tree", PackageResources.fork_tree_sql),
        SavedQuery("gap_by_size", PackageResources.gap_by_size_sql),
        SavedQuery("goldilocks_range", PackageResources.goldilocks_range_sql),
        SavedQuery("grokking_table", PackageResources.grokking_table_sql),
        SavedQuery("hessian_curves", PackageResources.hessian_curves_sql),
        SavedQuery("hessian_density", PackageResources.hessian_density_sql),
        SavedQuery("key_frequencies", PackageResources.key_frequencies_sql),
        SavedQuery("lineage", PackageResources.lineage_sql),
        SavedQuery("loss_curves", PackageResources.loss_curves_sql),
        SavedQuery("loss_spikes", PackageResources.loss_spikes_sql),
        SavedQuery("missing_analyses", PackageResources.missing_analyses_sql),
        SavedQuery("never_grokked", PackageResources.never_grokked_sql),
        SavedQuery("norm_against_loss", PackageResources.norm_against_loss_sql),
        SavedQuery("norm_at_transition", PackageResources.norm_at_transition_sql),
        SavedQuery("norm_curves", PackageResources.norm_curves_sql),
        SavedQuery("not_finite", PackageResources.not_finite_sql),
        SavedQuery("pair_spectrum", PackageResources.pair_spectrum_sql),
        SavedQuery("phase_losses", PackageResources.phase_losses_sql),
        SavedQuery("phases", PackageResources.phases_sql),
        SavedQuery("runs", PackageResources.runs_sql),
        SavedQuery("seed_bands", PackageResources.seed_bands_sql),
        SavedQuery("share_grokked", PackageResources.share_grokked_sql),
        SavedQuery("sharpness", PackageResources.sharpness_sql),
        SavedQuery("singular_value_curves", PackageResources.singular_value_curves_sql),
        SavedQuery("spectrum_over_time", PackageResources.spectrum_over_time_sql),
        SavedQuery("stale_analyses", PackageResources.stale_analyses_sql),
        SavedQuery("tensor_growth", PackageResources.tensor_growth_sql),
        SavedQuery("tensor_spectrum", PackageResources.tensor_spectrum_sql),
        SavedQuery("time_by_fraction", PackageResources.time_by_fraction_sql),
        SavedQuery("time_by_setting", PackageResources.time_by_setting_sql),
        SavedQuery("time_by_weight_decay", PackageResources.time_by_weight_decay_sql),
        SavedQuery("times_by_size", PackageResources.times_by_size_sql),
        SavedQuery("unfinished", PackageResources.unfinished_sql),
        SavedQuery("update_sizes", PackageResources.update_sizes_sql),
        SavedQuery("varied_settings", PackageResources.varied_settings_sql),
    ]

    /// The query of a name.
    package static func named(_ name: String) -> SavedQuery? { all.first { $0.name == name } }

    private init(_ name: String, _ bytes: [UInt8]) {
        self.init(name: name, sql: ArchiveSchema.text(bytes))
    }

    /// Reads the comments at the head of a query.
    package init(name: String, sql: String) {
        self.name = name
        self.sql = sql
        let comments = sql.split(separator: "\n", omittingEmptySubsequences: false)
            .prefix { $0.hasPrefix("--") }
            .map { Self.trimmed($0.dropFirst(2)) }
        question = comments.first ?? ""
        var parameters: [Parameter] = []
        var notes: [String] = []
        var picture = Picture()
        for comment in comments.dropFirst() {
            if comment.hasPrefix(":") {
                parameters.append(Self.parameter(comment.dropFirst()))
            } else if picture.take(comment) {
                continue
            } else if !comment.isEmpty {
                notes.append(comment)
            }
        }
        self.parameters = parameters
        self.notes = notes.joined(separator: " ")
        self.picture = picture.recipe.isEmpty ? nil : picture
    }

    /// Reads `name = value  description` or `name  description`.
    private static func parameter(_ text: Substring) -> Parameter {
        let name = text.prefix { !$0.isWhitespace }
        let rest = trimmed(text.dropFirst(name.count))
        guard rest.hasPrefix("=") else {
            return Parameter(name: String(name), defaultText: nil, description: rest)
        }
        let assigned = trimmed(rest.dropFirst())
        let value = assigned.prefix { !$0.isWhitespace }
        return Parameter(
            name: String(name), defaultText: String(value),
            description: trimmed(assigned.dropFirst(value.count)))
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        let start = text.drop { $0.isWhitespace }
        return String(start.reversed().drop { $0.isWhitespace }.reversed())
    }
}
