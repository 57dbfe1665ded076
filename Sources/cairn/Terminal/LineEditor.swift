internal import Foundation

/// Reads lines from a terminal with editing keys and history.
///
/// Where standard input or `TERM` allows no editing, lines are read as they come.
final class LineEditor {
    private static let longestHistory = 1000

    private let historyPath: String?
    private var history: [String] = []
    private let canEdit: Bool
    private let completion: WordCompletion

    init(historyPath: String?, completion: WordCompletion = WordCompletion([])) {
        self.historyPath = historyPath
        self.completion = completion
        canEdit = isatty(0) == 1 && Terminal.error.canRedraw
        if let historyPath, let text = try? String(contentsOfFile: historyPath, encoding: .utf8) {
            history = text.split(separator: "\n").map(String.init)
        }
    }

    /// Adds an entry to the history of this and later sessions.
    func remember(_ entry: String) {
        let line = entry.split(whereSeparator: \.isNewline).joined(separator: " ")
        guard !line.isEmpty, line != history.last else { return }
        history = (history + [line]).suffix(LineEditor.longestHistory)
        guard let historyPath else { return }
        // A history that cannot be kept is no reason to disturb the person.
        let data = Data((history.joined(separator: "\n") + "\n").utf8)
        try? data.write(to: URL(fileURLWithPath: historyPath), options: .atomic)
    }

    /// The next line without its end; nil at the end of input.
    func line(prompt: String) -> String? {
        guard canEdit, let mode = RawMode() else {
            Output.error.draw(prompt)
            return readLine()
        }
        defer { mode.leave() }
        var edit = Edit(prompt: prompt, history: history, completion: completion)
        Output.error.draw(edit.drawing)
        while let byte = nextByte() {
            switch edit.take(byte, following: nextByte) {
            case .more: Output.error.draw(edit.drawing)
            case .choices(let words):
                Output.error.draw("\r\n" + words.joined(separator: "  ") + "\r\n" + edit.drawing)
            case .accepted:
                Output.error.draw("\r\n")
                return edit.text
            case .abandoned:
                Output.error.draw("^C\r\n")
                edit = Edit(prompt: prompt, history: history, completion: completion)
                Output.error.draw(edit.drawing)
            case .ended:
                Output.error.draw("\r\n")
                return nil
            }
        }
        return nil
    }

    private func nextByte() -> UInt8? {
        var byte: UInt8 = 0
        return read(0, &byte, 1) == 1 ? byte : nil
    }
}

/// A terminal that passes every key on; `leave` restores what it was.
private struct RawMode {
    private let before: termios

    init?() {
        var mode = termios()
        guard tcgetattr(0, &mode) == 0 else { return nil }
        before = mode
        mode.c_lflag &= ~UInt32(ICANON | ECHO | ISIG)
        guard tcsetattr(0, TCSADRAIN, &mode) == 0 else { return nil }
    }

    func leave() {
        var mode = before
        tcsetattr(0, TCSADRAIN, &mode)
    }
}

/// One line while it is being edited.
struct Edit {
    enum Outcome: Equatable {
        case more
        /// Several words begin like the one before the cursor.
        case choices([String])
        case accepted
        case abandoned
        case ended
    }

    private let prompt: String
    private let history: [String]
    private let completion: WordCompletion
    private var characters: [Character] = []
    private var cursor = 0
    /// The place in the history; its end is the new line.
    private var place: Int
    private var unfinished: [Character] = []

    init(prompt: String, history: [String], completion: WordCompletion = WordCompletion([])) {
        self.prompt = prompt
        self.history = history
        self.completion = completion
        place = history.count
    }

    var text: String { String(characters) }

    /// The text that draws the line and puts the cursor in its place.
    var drawing: String {
        let behind = characters[cursor...].reduce(0) { $0 + DisplayWidth.of($1) }
        return "\r\(prompt)\(text)\u{1b}[K" + (behind > 0 ? "\u{1b}[\(behind)D" : "")
    }

    /// Acts on a key; `following` gives further bytes of the same key.
    mutating func take(_ byte: UInt8, following: () -> UInt8?) -> Outcome {
        switch byte {
        case 0x0d, 0x0a: return .accepted
        case 0x03: return .abandoned
        case 0x04:
            if characters.isEmpty { return .ended }
            deleteForward()
        case 0x09: return complete()
        case 0x01: cursor = 0
        case 0x05: cursor = characters.count
        case 0x02: cursor = max(0, cursor - 1)
        case 0x06: cursor = min(characters.count, cursor + 1)
        case 0x0b: characters.removeSubrange(cursor...)
        case 0x15:
            characters.removeSubrange(..<cursor)
            cursor = 0
        case 0x17: deleteWord()
        case 0x10: move(by: -1)
        case 0x0e: move(by: 1)
        case 0x08, 0x7f: deleteBackward()
        case 0x1b: escape(following)
        case 0x20...: insert(byte, following)
        default: break
        }
        return .more
    }

    /// Writes what all possible words have in common in the place of the one before the cursor.
    private mutating func complete() -> Outcome {
        let word = WordCompletion.lastWord(of: characters[..<cursor])
        let (all, common) = completion.choices(for: word)
        guard !all.isEmpty else { return .more }
        characters.replaceSubrange(cursor - word.count..<cursor, with: common)
        cursor += common.count - word.count
        return all.count > 1 && common.count == word.count ? .choices(all) : .more
    }

    private mutating func insert(_ first: UInt8, _ following: () -> UInt8?) {
        var bytes = [first]
        let count = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1
        while bytes.count < count, let next = following() { bytes.append(next) }
        for character in String(decoding: bytes, as: UTF8.self) {
            characters.insert(character, at: cursor)
            cursor += 1
        }
    }

    private mutating func escape(_ following: () -> UInt8?) {
        guard let kind = following(), kind == 0x5b || kind == 0x4f, let code = following() else {
            return
        }
        switch code {
        case UInt8(ascii: "A"): move(by: -1)
        case UInt8(ascii: "B"): move(by: 1)
        case UInt8(ascii: "C"): cursor = min(characters.count, cursor + 1)
        case UInt8(ascii: "D"): cursor = max(0, cursor - 1)
        case UInt8(ascii: "H"): cursor = 0
        case UInt8(ascii: "F"): cursor = characters.count
        case UInt8(ascii: "0")...UInt8(ascii: "9"):
            // The sequences of Delete, Home and End are a digit and a tilde.
            _ = following()
            if code == UInt8(ascii: "3") { deleteForward() }
            if code == UInt8(ascii: "1") { cursor = 0 }
            if code == UInt8(ascii: "4") { cursor = characters.count }
        default: break
        }
    }

    private mutating func move(by direction: Int) {
        let target = place + direction
        guard (0...history.count).contains(target) else { return }
        if place == history.count { unfinished = characters }
        place = target
        characters = target == history.count ? unfinished : Array(history[target])
        cursor = characters.count
    }

    private mutating func deleteForward() {
        if cursor < characters.count { characters.remove(at: cursor) }
    }

    private mutating func deleteBackward() {
        guard cursor > 0 else { return }
        cursor -= 1
        characters.remove(at: cursor)
    }

    private mutating func deleteWord() {
        while cursor > 0, characters[cursor - 1] == " " { deleteBackward() }
        while cursor > 0, characters[cursor - 1] != " " { deleteBackward() }
    }
}
