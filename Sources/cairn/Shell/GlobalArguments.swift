/// What people write that the parser does not take as it stands: options before the command, as in
/// `cairn --archive x ls`, and negative values, as in `--steps -1`.
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

    /// The same arguments with a negative number joined to the option in front of it.
    ///
    /// The parser would take `-1` for an option and say that the value is missing; joined, the
    /// value is read and its own check says what is wrong with it.
    static func joinedNegativeValues(_ arguments: [String]) -> [String] {
        var joined: [String] = []
        let end = arguments.firstIndex(of: "--") ?? arguments.endIndex
        for argument in arguments[..<end] {
            if let option = joined.last, option.hasPrefix("--"), !option.contains("="),
                argument.hasPrefix("-"), Double(argument) != nil
            {
                joined[joined.count - 1] = "\(option)=\(argument)"
            } else {
                joined.append(argument)
            }
        }
        return joined + arguments[end...]
    }
}
