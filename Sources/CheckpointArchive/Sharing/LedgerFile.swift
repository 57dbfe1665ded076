internal import Checkpoints
internal import Foundation
internal import GRDB
internal import SystemFiles

/// The results of analyses of one run, on their way from one archive to another.
enum LedgerFile {
    private struct Content: Codable {
        var tables: [Table]
    }

    private struct Table: Codable {
        var name: String
        var columns: [String]
        var rows: [[Cell]]
    }

    /// A value with its type; reals by their bits, so that none is rounded.
    private enum Cell: Codable {
        case null
        case integer(Int64)
        case real(UInt64)
        case text(String)
        case blob(Data)

        init(_ value: DatabaseValue) {
            switch value.storage {
            case .null: self = .null
            case .int64(let number): self = .integer(number)
            case .double(let number): self = .real(number.bitPattern)
            case .string(let text): self = .text(text)
            case .blob(let data): self = .blob(data)
            }
        }

        var value: DatabaseValue {
            switch self {
            case .null: .null
            case .integer(let number): number.databaseValue
            case .real(let bits): Double(bitPattern: bits).databaseValue
            case .text(let text): text.databaseValue
            case .blob(let data): data.databaseValue
            }
        }
    }

    static func bytes(of ledger: AnalysisRows.Ledger) throws -> [UInt8] {
        let tables = ([ledger.analyses] + ledger.results).map { table in
            Table(
                name: table.name, columns: table.columns, rows: table.rows.map { $0.map(Cell.init) }
            )
        }
        return Array(try JSONEncoder().encode(Content(tables: tables)))
    }

    /// Reads the results; refuses tables that this archive has no results in.
    static func read(
        _ bytes: [UInt8], file: String, _ db: Database
    ) throws -> AnalysisRows.Ledger {
        let known = try AnalysisRows.resultTables(db)
        guard let content = try? JSONDecoder().decode(Content.self, from: Data(bytes)),
            let first = content.tables.first, first.name == "analysis",
            content.tables.dropFirst().allSatisfy({ known.contains($0.name) }),
            content.tables.allSatisfy({ table in
                table.rows.allSatisfy { $0.count == table.columns.count }
            })
        else {
            throw ArchiveError(
                .damaged, file: file,
                cause: "it does not hold results of analyses as this version has them",
                advice: "move it away and compute them again")
        }
        let tables = content.tables.map { table in
            AnalysisRows.Table(
                name: table.name, columns: table.columns, rows: table.rows.map { $0.map(\.value) })
        }
        return AnalysisRows.Ledger(analyses: tables[0], results: Array(tables.dropFirst()))
    }
}

extension Archive {
    /// Everything that was computed about a run; nil where nothing was.
    func ledger(of run: String) throws -> AnalysisRows.Ledger? {
        let ledger = try lookUp { db in
            try IndexRows.runKey(run, db).map { try AnalysisRows.read(run: $0, db) }
        }
        return ledger.flatMap { $0.analyses.rows.isEmpty ? nil : $0 }
    }

    /// Brings one run of another archive in, as `takeOver`, with what was computed about it.
    package func takeOverWithResults(_ id: String, of other: Archive) throws {
        try takeOver(id, of: other)
        guard let ledger = try other.ledger(of: id) else { return }
        _ = try add(ledger, to: id)
    }

    /// Adds the results that a run here does not have; answers how many.
    func add(_ ledger: AnalysisRows.Ledger, to run: String) throws -> Int {
        try write { db in
            guard let key = try IndexRows.runKey(run, db) else { return 0 }
            return try AnalysisRows.add(ledger, to: key, db)
        }
    }

    /// Adds the results of an entry of the queue; what is here already is left alone.
    func takeInResults(
        _ manifest: IncomingQueue.Manifest, from place: ArchivePaths,
        into report: inout MergeReport
    ) throws {
        for run in manifest.results ?? [] {
            let file = place.path("results/\(run).json")
            let bytes = try file.read()
            report.analysisCount += try write { db in
                guard let key = try IndexRows.runKey(run, db) else { return 0 }
                return try AnalysisRows.add(
                    LedgerFile.read(bytes, file: file.absolute, db), to: key, db)
            }
        }
    }
}
