import Foundation
import TestSupport

/// A disk while a traced program changes a folder, and what a power cut would leave of it.
struct TracedDisk {
    /// What a sync makes durable.
    enum Model: CaseIterable, Sendable {
        /// The bytes of the file it is called on, or the names in the folder it is called on.
        case named
        /// The bytes of the file, and every name that was changed before.
        case ordered
        /// Everything that was changed before.
        case whole
    }

    /// What has reached the disk of the changes that no sync made durable.
    enum Remains: CaseIterable, Sendable {
        case nothing
        case everything
        case names
        case bytes
        /// All names, and of the files how long they are.
        case sizes
        /// Some names and some pages.
        case some
    }

    private enum Write {
        case bytes([UInt8], offset: Int)
        case length(Int)
    }

    private struct Node {
        let isFolder: Bool
        var content: [UInt8] = []
        /// Not durable yet.
        var writes: [Write] = []
        /// The durable names in a folder.
        var durable: [String: Int] = [:]
        /// The names in a folder as programs see them.
        var present: [String: Int] = [:]
    }

    private typealias Change = [(folder: Int, name: String, node: Int?)]

    private let model: Model
    private let root: String
    private var nodes: [Node]
    /// Which node an inode is; the system uses the numbers of removed files again.
    private var byInode: [UInt64: Int] = [:]
    /// Changes of names that are not durable yet.
    private var changes: [Change] = []

    /// The disk with a folder on it and everything that is in it.
    init(_ root: String, _ model: Model) throws {
        self.model = model
        self.root = root
        nodes = [Node(isFolder: true)]
        try load(root, into: 0)
    }

    private mutating func load(_ path: String, into folder: Int) throws {
        byInode[try TracedDisk.inode(path)] = folder
        for name in try FileManager.default.contentsOfDirectory(atPath: path) {
            let child = "\(path)/\(name)"
            var isFolder: ObjCBool = false
            _ = FileManager.default.fileExists(atPath: child, isDirectory: &isFolder)
            let node = nodes.count
            nodes.append(Node(isFolder: isFolder.boolValue))
            nodes[folder].present[name] = node
            nodes[folder].durable[name] = node
            if isFolder.boolValue {
                try load(child, into: node)
            } else {
                byInode[try TracedDisk.inode(child)] = node
                nodes[node].content = [UInt8](try Data(contentsOf: URL(fileURLWithPath: child)))
            }
        }
    }

    private static func inode(_ path: String) throws -> UInt64 {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return (attributes[.systemFileNumber] as? NSNumber)?.uint64Value ?? 0
    }

    /// Goes on by one record of a trace.
    mutating func perform(_ record: TraceRecord) {
        switch record.kind {
        case .madeFile, .madeFolder:
            guard let (folder, name) = place(record.path) else { return }
            nodes.append(Node(isFolder: record.kind == .madeFolder))
            byInode[record.inode] = nodes.count - 1
            change([(folder, name, nodes.count - 1)])
        case .wrote, .truncated:
            guard let node = byInode[record.inode] else { return }
            nodes[node].writes.append(
                record.kind == .wrote
                    ? .bytes(record.bytes, offset: record.offset) : .length(record.offset))
        case .renamed:
            guard let (folder, name) = place(record.path), let node = nodes[folder].present[name],
                let (target, newName) = place(record.otherPath)
            else { return }
            change([(folder, name, nil), (target, newName, node)])
        case .removed:
            guard let (folder, name) = place(record.path) else { return }
            change([(folder, name, nil)])
        case .synced:
            if let node = byInode[record.inode] { sync(node) }
        case .said: break
        }
    }

    private mutating func change(_ change: Change) {
        for part in change { nodes[part.folder].present[part.name] = part.node }
        changes.append(change)
    }

    private mutating func sync(_ node: Int) {
        if model == .whole {
            for node in nodes.indices { keepBytes(of: node) }
        } else {
            keepBytes(of: node)
        }
        var pending: [Change] = []
        for change in changes {
            if model != .named || change.contains(where: { $0.folder == node }) {
                for part in change { nodes[part.folder].durable[part.name] = part.node }
            } else {
                pending.append(change)
            }
        }
        changes = pending
    }

    private mutating func keepBytes(of node: Int) {
        for write in nodes[node].writes { TracedDisk.apply(write, to: &nodes[node].content) }
        nodes[node].writes = []
    }

    private static func apply(_ write: Write, to content: inout [UInt8]) {
        switch write {
        case .length(let count):
            if content.count > count { content.removeLast(content.count - count) }
            extend(&content, to: count)
        case .bytes(let bytes, let offset):
            extend(&content, to: offset + bytes.count)
            content.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        }
    }

    private static func extend(_ content: inout [UInt8], to count: Int) {
        if content.count < count {
            content += [UInt8](repeating: 0, count: count - content.count)
        }
    }

    /// The folder of a path and the name in it; nil for what is not below the root.
    private func place(_ path: String) -> (folder: Int, name: String)? {
        guard path.hasPrefix(root + "/") else { return nil }
        var parts = path.dropFirst(root.count + 1).split(separator: "/").map(String.init)
        guard let name = parts.popLast() else { return nil }
        var folder = 0
        for part in parts {
            guard let next = nodes[folder].present[part] else { return nil }
            folder = next
        }
        return (folder, name)
    }

    // MARK: - After the power cut

    /// Writes to a new folder what the disk holds when the power fails now.
    func leave(
        _ remains: Remains, at path: String, using generator: inout SeededGenerator
    ) throws {
        var names = nodes.map(\.durable)
        var last = changes.count
        switch remains {
        case .nothing, .bytes: last = 0
        case .some where model != .named: last = Int.random(in: 0...last, using: &generator)
        default: break
        }
        for change in changes[..<last]
        where remains != .some || model != .named || Bool.random(using: &generator) {
            for part in change { names[part.folder][part.name] = part.node }
        }
        try leave(0, names, remains, at: path, &generator)
    }

    private func leave(
        _ node: Int, _ names: [[String: Int]], _ remains: Remains, at path: String,
        _ generator: inout SeededGenerator
    ) throws {
        guard nodes[node].isFolder else {
            let bytes = content(of: node, remains, &generator)
            return try Data(bytes).write(to: URL(fileURLWithPath: path))
        }
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: false)
        // Shared memory does not outlive the system.
        for (name, child) in names[node].sorted(by: { $0.key < $1.key })
        where !name.hasSuffix("-shm") {
            try leave(child, names, remains, at: "\(path)/\(name)", &generator)
        }
    }

    private func content(
        of node: Int, _ remains: Remains, _ generator: inout SeededGenerator
    ) -> [UInt8] {
        var content = nodes[node].content
        for write in nodes[node].writes {
            switch (remains, write) {
            case (.nothing, _), (.names, _): break
            case (.everything, _), (.bytes, _): TracedDisk.apply(write, to: &content)
            case (.sizes, .bytes(let bytes, let offset)):
                TracedDisk.extend(&content, to: offset + bytes.count)
            case (.sizes, .length(let count)): TracedDisk.extend(&content, to: count)
            case (.some, .length):
                if Bool.random(using: &generator) { TracedDisk.apply(write, to: &content) }
            case (.some, .bytes(let bytes, let offset)):
                var start = 0
                while start < bytes.count {
                    // Up to the end of the page that it begins in.
                    let end = min(bytes.count, start + 4_096 - (offset + start) % 4_096)
                    if Bool.random(using: &generator) {
                        TracedDisk.apply(
                            .bytes(Array(bytes[start..<end]), offset: offset + start), to: &content)
                    }
                    start = end
                }
            }
        }
        return content
    }
}

/// One call of the system that a traced program made.
struct TraceRecord {
    enum Kind: UInt64 {
        case madeFile = 1
        case madeFolder
        case wrote
        case truncated
        case renamed
        case removed
        case synced
        /// What the program wrote to its standard output.
        case said
    }

    let kind: Kind
    let inode: UInt64
    let offset: Int
    let path: String
    let otherPath: String
    let bytes: [UInt8]

    /// The records of a trace, in order.
    static func all(in trace: Data) -> [TraceRecord] {
        let trace = [UInt8](trace)
        var records: [TraceRecord] = []
        var start = 0
        while start + 48 <= trace.count {
            let words = (0..<6).map { word in
                trace.withUnsafeBytes {
                    $0.loadUnaligned(fromByteOffset: start + word * 8, as: UInt64.self)
                }
            }
            start += 48
            var parts: [[UInt8]] = []
            for count in words[3...].map({ Int($0) }) {
                parts.append(Array(trace[start..<start + count]))
                start += count
            }
            guard let kind = Kind(rawValue: words[0]) else { continue }
            records.append(
                TraceRecord(
                    kind: kind, inode: words[1], offset: Int(words[2]),
                    path: String(decoding: parts[0], as: UTF8.self),
                    otherPath: String(decoding: parts[1], as: UTF8.self), bytes: parts[2]))
        }
        return records
    }
}
