import TestSupport
import Testing

@testable import cairn

@Suite struct ShellTests {
    @Test func wrongUsageIsOneSentenceAndExitCodeTwo() throws {
        for arguments in [["frobnicate"], ["completion"], ["completion", "bash", "--frob"]] {
            let result = try run(cairnExecutable(), arguments)
            #expect(result.exitCode == 2, "\(arguments)")
            #expect(result.output.isEmpty)
            #expect(result.error.hasPrefix("cairn: "), "\(result.error)")
            #expect(result.error.split(separator: "\n").count == 1, "\(result.error)")
        }
    }

    @Test func misspeltCommandsNameTheNearOne() throws {
        let result = try run(cairnExecutable(), ["completoin"])
        #expect(
            result.error
                == "cairn: command completoin: there is no such command; "
                + "did you mean 'completion'?\n")
    }

    @Test(arguments: ["bash", "zsh", "fish"]) func completionScriptsExist(shell: String) throws {
        let result = try run(cairnExecutable(), ["completion", shell])
        #expect(result.exitCode == 0)
        #expect(result.output.contains("cairn"))
    }

    @Test func helpAndVersionGoToStandardOutput() throws {
        for arguments in [[], ["--help"], ["help"], ["--version"]] {
            let result = try run(cairnExecutable(), arguments)
            #expect(result.exitCode == 0, "\(arguments)")
            #expect(!result.output.isEmpty && result.error.isEmpty, "\(arguments)")
        }
    }

    @Test func everyCommandHasHelp() throws {
        for name in Cairn.commandNames {
            let result = try run(cairnExecutable(), [name, "--help"])
            #expect(result.exitCode == 0, "\(name)")
            #expect(result.output.hasPrefix("OVERVIEW: "), "\(name)")
            #expect(result.output.contains("USAGE: cairn \(name)"), "\(name)")
        }
    }

    @Test func aClosedPipeEndsQuietly() throws {
        let result = try run(
            "/bin/sh",
            ["-c", "(\(cairnExecutable()) completion bash; echo $? >&2) | head -c 1 > /dev/null"])
        #expect(result.error == "0\n")
    }
}
