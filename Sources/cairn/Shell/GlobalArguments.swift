/// Options that people also write before the command, as in `cairn --archive x ls`.
enum GlobalArguments {
    private static let flags: Set<String> = [
        "--quiet", "-q", "--json", "--nl", "--csv", "--markdown", "--table",
    ]

    /// The same arguments with leading global options moved to the end of the command line.
    ///
    /// They go in front of a `--` terminator, behind which everything is an argument.
    static func movedBehindCommand(_ arguments: [String]) -> [String] {
        var leading: [String] = []
        var rest = arguments[...]
        while let first = rest.first {
            if first == "--archive", rest.count > 1 {
                leading += rest.prefix(2)
                rest = rest.dropFirst(2)
            } else if flags.contains(first) || first.hasPrefix("--archive=") {
                leading.append(first)
                rest = rest.dropFirst()
            } else {
                break
            }
        }
        guard !leading.isEmpty, !rest.isEmpty else { return arguments }
        let end = rest.firstIndex(of: "--") ?? rest.endIndex
        return rest[..<end] + leading + rest[end...]
    }
}
