/// Completes the word in front of the cursor from a list of words.
struct WordCompletion {
    private let words: [String]

    init(_ words: [String]) { self.words = words }

    /// The word that ends at the end of a line: letters, digits and underscores.
    static func lastWord(of line: some BidirectionalCollection<Character>) -> String {
        String(line.reversed().prefix { $0.isLetter || $0.isNumber || $0 == "_" }.reversed())
    }

    /// The words that begin like this one, whatever its case, and what all of them begin with.
    func choices(for word: String) -> (all: [String], common: String) {
        guard !word.isEmpty else { return ([], "") }
        let start = word.lowercased()
        let all = words.filter { $0.lowercased().hasPrefix(start) }.sorted()
        guard var common = all.first else { return ([], word) }
        for choice in all {
            while !choice.lowercased().hasPrefix(common.lowercased()) { common.removeLast() }
        }
        return (all, common)
    }
}
