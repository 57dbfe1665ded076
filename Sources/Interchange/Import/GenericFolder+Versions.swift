internal import Checkpoints
internal import Foundation

extension GenericFolder {
    /// What lies in one version of Lightning's logs.
    private struct Version {
        let name: String
        var units: [Unit]
        let curves: [(path: String, parts: [RowTable.Part])]
        let settings: [(path: String, items: [FoundItem])]

        var items: [FoundItem] { curves.flatMap { $0.parts.flatMap(\.items) } }

        /// The first step of its curves.
        var start: Int? {
            items.compactMap { item -> Int? in
                guard case .curve(let curve) = item.content else { return nil }
                return curve.steps.min()
            }.min()
        }

        /// Its settings as text, for comparison.
        var configuration: [String] {
            settings.flatMap(\.items).compactMap { item in
                guard case .setting(let value) = item.content else { return nil }
                return "\(item.name)=\(value.json())"
            }.sorted()
        }
    }

    /// The versions of a folder of Lightning's logs, as one run where a later one goes on with an
    /// earlier one, else each as its own.
    ///
    /// A later version goes on where it has the same settings and begins behind the first step of the
    /// earlier one, or where both say the same.
    mutating func readVersions(_ names: [String]) throws {
        let outer = (units, curves, settings)
        var versions: [Version] = []
        for name in names.sorted(by: { ($0.count, $0) < ($1.count, $1) }) {
            (units, curves, settings) = ([], [], [])
            let inside = try FolderListing("\(path)/\(name)")
            units = try states(of: inside.files, below: name)
            try readTexts(inside.files, below: name)
            for folder in inside.folders where try !readPart("\(name)/\(folder)") {
                try reader.read("\(path)/\(name)/\(folder)", depth: depth + 2)
            }
            versions.append(
                Version(name: name, units: units, curves: curves, settings: settings))
        }
        (units, curves, settings) = outer
        var books: [CurveBook] = []
        var isOne = true
        for (index, version) in versions.enumerated() {
            let isLike = merge(version.items, into: &books)
            guard index > 0 else { continue }
            let earlier = versions[index - 1]
            let goesOn = (version.start ?? 0) > (earlier.start ?? 0)
            if version.configuration != earlier.configuration || !isLike && !goesOn {
                isOne = false
            }
        }
        let folder = RunName.folder(path) ?? (path as NSString).lastPathComponent
        for group in isOne ? [versions] : versions.map({ [$0] }) {
            var draft = RunDraft(
                root: path, isFile: false,
                name: versions.count == 1 || isOne ? folder : "\(folder)/\(group[0].name)")
            draft.part = isOne ? "" : group[0].name
            if isOne, group.count > 1 {
                draft.account.assumptions.append(
                    "\(group.map(\.name).joined(separator: ", ")) are one run that was resumed; where "
                        + "they overlap the later one counts")
            }
            var steps: Set<Int> = []
            // A later version goes before an earlier one.
            for version in group.reversed() {
                for unit in version.units {
                    let step = unit.member.file.clues.updates?.step ?? unit.member.name.step?.whole
                    if let step, steps.contains(step) {
                        for item in unit.member.file.items {
                            draft.account.items.append(
                                ImportItem(
                                    item, file: unit.member.path,
                                    .leftOut("a later version has its step too")))
                        }
                    } else {
                        draft.members.append(unit.member)
                    }
                }
                steps.formUnion(
                    version.units.compactMap {
                        $0.member.file.clues.updates?.step ?? $0.member.name.step?.whole
                    })
                draft.curves += version.curves.map {
                    .init(path: $0.path, items: $0.parts.flatMap(\.items))
                }
                draft.settings += version.settings
            }
            guard !draft.members.isEmpty || !draft.curves.isEmpty else {
                for (file, _) in draft.settings {
                    reader.leaveOut("\(path)/\(file)", "there is no run beside these settings")
                }
                continue
            }
            reader.add(draft)
        }
    }
}
