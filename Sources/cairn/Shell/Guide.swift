/// The guides of `Sources/Documentation`, as `cairn help TOPIC` prints them.
enum Guide: String, CaseIterable {
    case everyDay = "every-day"
    case clusters
    case recording
    case data
    case views
    case analyses
    case numbers
    case labels
    case pictures
    case files
    case guarantees
    case performance
    case published
    case words

    /// The Markdown text.
    var text: String {
        switch self {
        case .everyDay: Self.text(PackageResources.EveryDay_md)
        case .clusters: Self.text(PackageResources.Clusters_md)
        case .recording: Self.text(PackageResources.Recording_md)
        case .data: Self.text(PackageResources.Data_md)
        case .views: Self.text(PackageResources.SQL_md)
        case .analyses: Self.text(PackageResources.Analyses_md)
        case .numbers: Self.text(PackageResources.WhatEachNumberAssumes_md)
        case .labels: Self.section("grokking", of: Self.numbers.text)
        case .pictures: Self.text(PackageResources.Pictures_md)
        case .files: Self.text(PackageResources.Files_md)
        case .guarantees: Self.text(PackageResources.Guarantees_md)
        case .performance: Self.text(PackageResources.Performance_md)
        case .published: Self.text(PackageResources.PublishedBehaviour_md)
        case .words: Self.text(PackageResources.Glossary_md)
        }
    }

    /// The names of all guides, with commas between them.
    static let names = allCases.map(\.rawValue).joined(separator: ", ")

    /// The text without the marks that tests look for.
    private static func text(_ bytes: [UInt8]) -> String {
        String(decoding: bytes, as: UTF8.self).split(
            separator: "\n", omittingEmptySubsequences: false
        ).filter { !$0.hasPrefix("<!--") }.joined(separator: "\n")
    }

    /// The part of a guide below a heading, up to the next one of that level.
    private static func section(_ title: String, of text: String) -> String {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard
            let start = lines.firstIndex(where: { $0.hasPrefix("## ") && $0.dropFirst(3) == title })
        else { return text }
        let rest = lines[(start + 1)...].prefix { !$0.hasPrefix("## ") }
        return (["# \(title)"] + rest.map(String.init)).joined(separator: "\n")
    }
}
