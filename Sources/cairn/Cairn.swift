internal import ArgumentParser

/// The root command; each subcommand lives in a file of its own under `Commands`.
@main
struct Cairn: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cairn",
        abstract: "Keeps every checkpoint of every training run and answers questions about them.",
        discussion: """
            Rows go to standard output, everything else to standard error. The archive is \
            --archive PATH, else CAIRN_ARCHIVE, else ./archive. A run is named by the start of its \
            id or by its name, a checkpoint by RUN@STEP, RUN@first or RUN@last.

            Exit codes: 0 done, 1 failed, 2 wrong usage, 3 damaged data found, 130 interrupted.

            Guides: cairn help TOPIC, for \(Guide.names).
            """,
        version: programVersion,
        groupedSubcommands: [
            CommandGroup(
                name: "Training",
                subcommands: [
                    DemoCommand.self, TrainCommand.self, ResumeCommand.self, ForkCommand.self,
                    ReplayCommand.self,
                    SweepCommand.self,
                ]),
            CommandGroup(
                name: "Questions",
                subcommands: [
                    ListCommand.self, ShowCommand.self, CompareCommand.self, SQLCommand.self,
                    QueryCommand.self,
                    AnalyzeCommand.self,
                ]),
            CommandGroup(
                name: "Pictures",
                subcommands: [
                    PlotCommand.self, ReportCommand.self, ServeCommand.self, WatchCommand.self,
                ]),
            CommandGroup(
                name: "Exchange",
                subcommands: [
                    ImportCommand.self, ExportCommand.self, RecordCommand.self,
                    ClientCommand.self,
                    ReadHDF5Command.self,
                ]),
            CommandGroup(
                name: "Upkeep",
                subcommands: [
                    InitCommand.self, VerifyCommand.self, ReindexCommand.self, RepairCommand.self,
                    PackCommand.self, MergeCommand.self, TagCommand.self, UntagCommand.self,
                    DescribeCommand.self, RenameCommand.self, RemoveCommand.self,
                    CollectCommand.self, UsageCommand.self,
                    DoctorCommand.self, BenchCommand.self, InspectFileCommand.self,
                ]),
            CommandGroup(name: "Shell", subcommands: [CompletionCommand.self]),
        ])

    /// Runs the command that the arguments name and ends the process with its exit code.
    static func main() {
        Shell.end(Shell.runProgram())
    }
}

/// The version of this program, as `cairn --version` prints it.
let programVersion = "0.1.0"
