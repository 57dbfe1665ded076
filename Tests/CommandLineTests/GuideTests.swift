import ArgumentParser
import Foundation
import TestSupport
import Testing

@testable import cairn

/// The README, the guides and the help texts: what they link to is there, and what they show parses.
@Suite struct GuideTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    private static func documents() throws -> [URL] {
        let folder = root.appendingPathComponent("Sources/Documentation")
        return [root.appendingPathComponent("README.md")]
            + (try FileManager.default.contentsOfDirectory(
                at: folder, includingPropertiesForKeys: nil
            ).filter { $0.pathExtension == "md" })
    }

    @Test func theReadmeIsReadInFiveMinutes() throws {
        let text = try String(
            contentsOf: Self.root.appendingPathComponent("README.md"), encoding: .utf8)
        #expect(text.split(separator: "\n", omittingEmptySubsequences: false).count <= 181)
        for guide in Guide.allCases { #expect(text.contains("`\(guide.rawValue)`")) }
    }

    @Test func everyLinkLeadsSomewhere() throws {
        for document in try Self.documents() {
            let text = try String(contentsOf: document, encoding: .utf8)
            for match in text.matches(of: /\]\(([^)#:\s]+)(?:#[^)]*)?\)/) {
                let target = document.deletingLastPathComponent()
                    .appendingPathComponent(String(match.1))
                #expect(
                    FileManager.default.fileExists(atPath: target.path),
                    "\(document.lastPathComponent): \(match.1)")
            }
        }
    }

    @Test(arguments: Guide.allCases) func everyGuideIsPrinted(guide: Guide) throws {
        let result = try run(cairnExecutable(), ["help", guide.rawValue])
        #expect(result.exitCode == 0 && result.error.isEmpty)
        #expect(result.output.hasPrefix("# ") && result.output.count > 300)
        #expect(!result.output.contains("<!--"))
    }

    @Test func aMisspeltGuideNamesTheNearOne() throws {
        let result = try run(cairnExecutable(), ["help", "label"])
        #expect(result.exitCode == 2)
        #expect(
            result.error
                == "cairn: help label: there is no such command or guide; did you mean 'labels'?\n")
    }

    /// The options and arguments of every command that documents show are those that there are.
    @Test func everyExampleParses() throws {
        var count = 0
        for document in try Self.documents() {
            let text = try String(contentsOf: document, encoding: .utf8)
            for command in Self.commands(in: text) {
                count += 1
                #expect(Self.refusal(of: command) == nil, "\(document.lastPathComponent)")
            }
        }
        #expect(count > 40)
    }

    @Test func everyExampleOfTheHelpParses() throws {
        var count = 0
        func visit(_ command: any ParsableCommand.Type) {
            let configuration = command.configuration
            for text in [configuration.abstract, configuration.discussion] {
                for example in Self.examples(in: text) {
                    count += 1
                    #expect(Self.refusal(of: example) == nil, "\(command)")
                }
            }
            for child in configuration.subcommands { visit(child) }
            for group in configuration.groupedSubcommands {
                for child in group.subcommands { visit(child) }
            }
        }
        visit(Cairn.self)
        #expect(count >= 3)
    }

    /// Why the parser refuses a command, with the command; nil where it does not.
    private static func refusal(of words: [String]) -> String? {
        do {
            let ordered = GlobalArguments.movedBehindCommand(
                GlobalArguments.joinedNegativeValues(words))
            if ordered.first == "help" { return nil }
            _ = try Cairn.parseAsRoot(ordered)
            return nil
        } catch {
            if Cairn.exitCode(for: error) == .success { return nil }
            return "cairn \(words.joined(separator: " ")): \(Cairn.message(for: error))"
        }
    }

    /// The commands in the shell blocks of a document, as words.
    private static func commands(in text: String) -> [[String]] {
        var isShell = false
        var line = ""
        var found: [[String]] = []
        for part in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if part.hasPrefix("```") {
                isShell = part == "```sh"
                continue
            }
            guard isShell else { continue }
            if part.hasSuffix("\\") {
                line += part.dropLast() + " "
                continue
            }
            found += invocations(in: line + part)
            line = ""
        }
        return found
    }

    /// The commands after "Example: " in a help text.
    private static func examples(in text: String) -> [[String]] {
        text.split(separator: "\n").flatMap { line -> [[String]] in
            guard let start = line.range(of: "Example: cairn ") else { return [] }
            return invocations(in: "cairn " + line[start.upperBound...])
        }
    }

    /// The arguments of each `cairn` in a line of a shell.
    private static func invocations(in line: String) -> [[String]] {
        var commands: [[String]] = [[]]
        var word: String?
        var quote: Character?
        func finish() {
            if let word { commands[commands.count - 1].append(word) }
            word = nil
        }
        for character in line {
            if let open = quote {
                if character == open {
                    quote = nil
                } else {
                    word = (word ?? "") + String(character)
                }
            } else if character == "'" || character == "\"" {
                quote = character
                word = word ?? ""
            } else if character == "|" || character == ";" || character == "&" || character == ">" {
                finish()
                commands.append([])
            } else if character == "#" && word == nil {
                break
            } else if character.isWhitespace {
                finish()
            } else {
                word = (word ?? "") + String(character)
            }
        }
        finish()
        return commands.compactMap { words in
            guard let first = words.first, first == "cairn" else { return nil }
            return Array(words.dropFirst())
        }
    }
}
