internal import Checkpoints
internal import Foundation

extension GenericFolder {
    /// Gives each file of curves to the run that it belongs to, or makes it one.
    func addCurves(
        to drafts: inout [RunDraft], name: String, ancestors: [String]
    ) throws {
        let weighted = drafts.count
        var books: [[CurveBook]] = drafts.map { _ in [] }
        for (file, parts) in curves {
            let stem = FileFormat.stem((file as NSString).lastPathComponent)
            let own = RunName.settings(of: [stem])
            for (index, part) in parts.enumerated() {
                let source = RunDraft.CurveSource(path: file, items: part.items)
                let isOne = parts.count == 1
                if isOne,
                    let place = place(
                        of: part.items, stem: stem, settings: own.map(\.setting), in: drafts,
                        books: &books, weighted: weighted)
                {
                    drafts[place].curves.append(source)
                    continue
                }
                var draft = RunDraft(root: path, isFile: false, name: stem)
                draft.part = isOne ? file : "\(file)\u{1f}\(index)"
                if !isOne {
                    let words = part.identity.map { entry in
                        entry.value.textual ?? "\(entry.key.label)\(entry.value.json())"
                    }
                    draft.name +=
                        "/" + (words.isEmpty ? String(index) : words.joined(separator: "_"))
                }
                draft.curves = [source]
                if let name = part.name { draft.name = name }
                draft.namedSettings = own + RunName.settings(of: ancestors.reversed())
                drafts.append(draft)
                books.append([])
                _ = merge(part.items, into: &books[books.count - 1])
            }
        }
        let named = Set(curves.flatMap { $0.parts.compactMap(\.name) })
        let isOnly = drafts.count == 1 && weighted == 0
        for index in drafts.indices.dropFirst(weighted)
        where !named.contains(drafts[index].name)
            && (isOnly || !RunName.isTelling(drafts[index].name))
        {
            if isOnly {
                drafts[index].name =
                    RunName.settings(of: [drafts[index].name]).isEmpty ? name : drafts[index].name
                drafts[index].part = ""
            } else {
                drafts[index].name = "\(name)/\(drafts[index].name)"
            }
        }
    }

    /// The run that a file of curves belongs to; nil where it is one of its own.
    private func place(
        of items: [FoundItem], stem: String, settings: [Hyperparameter], in drafts: [RunDraft],
        books: inout [[CurveBook]], weighted: Int
    ) -> Int? {
        let isEvents = EventFile.isEventFile(stem)
        func fits(_ index: Int) -> Bool {
            let known = drafts[index].namedSettings.map(\.setting)
            return settings.allSatisfy { setting in
                known.first { $0.name == setting.name }.map { $0 == setting }
                    ?? (index < weighted && weighted == 1)
            }
        }
        if weighted == 1, fits(0) || settings.isEmpty {
            return merge(items, into: &books[0]) || isEvents ? 0 : nil
        }
        if weighted > 1 {
            let matching = (0..<weighted).filter { index in
                let name = (drafts[index].name as NSString).lastPathComponent
                return !settings.isEmpty && fits(index)
                    && drafts[index].namedSettings.count >= settings.count
                    || stem.hasPrefix(name) || name.hasPrefix(stem)
            }
            if matching.count == 1, merge(items, into: &books[matching[0]]) { return matching[0] }
        }
        for index in drafts.indices.dropFirst(weighted) {
            let other = FileFormat.stem(
                ((drafts[index].curves.first?.path ?? "") as NSString).lastPathComponent)
            if isEvents && EventFile.isEventFile(other) { return index }
            let isSame = drafts[index].namedSettings.map(\.setting) == settings
            if isSame, isDisjointOrContained(items, in: &books[index]),
                merge(items, into: &books[index])
            {
                return index
            }
        }
        return nil
    }

    private static func curves(_ items: [FoundItem]) -> [FoundCurve] {
        items.compactMap { if case .curve(let curve) = $0.content { curve } else { nil } }
    }

    private static let axes: [FoundCurve.Axis] = [.updates, .epochs, .positions]

    /// Adds curves to the books of a run, one for each axis; false, and nothing is added, where they
    /// contradict what is there.
    func merge(_ items: [FoundItem], into books: inout [CurveBook]) -> Bool {
        if books.isEmpty { books = Self.axes.map { _ in CurveBook() } }
        let found = Self.curves(items)
        for curve in found {
            guard let axis = Self.axes.firstIndex(of: curve.axis) else { continue }
            if books[axis].compare(curve, named: curve.name, steps: curve.steps).contradicts {
                return false
            }
        }
        for curve in found {
            guard let axis = Self.axes.firstIndex(of: curve.axis) else { continue }
            _ = books[axis].add(curve, named: curve.name, steps: curve.steps, file: "")
        }
        return true
    }

    /// Whether curves have other names than those there, on the same axis, or are all there already.
    private func isDisjointOrContained(
        _ items: [FoundItem], in books: inout [CurveBook]
    ) -> Bool {
        if books.isEmpty { return true }
        let found = Self.curves(items)
        let used = Self.axes.indices.filter { !books[$0].isEmpty }
        for curve in found {
            guard let axis = Self.axes.firstIndex(of: curve.axis), used.contains(axis) else {
                return false
            }
        }
        let areNew = found.allSatisfy { curve in
            !Self.axes.indices.contains { books[$0].names.contains(curve.name) }
        }
        return areNew
            || found.allSatisfy { curve in
                guard let axis = Self.axes.firstIndex(of: curve.axis) else { return false }
                return books[axis].compare(curve, named: curve.name, steps: curve.steps).isContained
            }
    }
}
