internal import CSQLite
internal import Checkpoints

/// The rows that a table-valued function gives for one set of arguments.
struct TableRows {
    let count: Int
    /// The value in a row and a column, both counted from 0.
    let value: (_ row: Int, _ column: Int) throws -> ScalarValue

    static var none: TableRows { TableRows(count: 0) { _, _ in .null } }
}

/// A function whose result is a table.
///
/// Its arguments are hidden columns of the table, so a join can supply them: each of them must be
/// bound by an equation, and SQLite then calls the function once for each combination.
final class TableFunction {
    let description: FunctionDescription
    /// The visible columns with their SQL types, in order.
    let columns: [(name: String, type: String)]
    /// About how many rows one call gives; guides the order of joins.
    let estimatedRows: Int
    /// Computes the rows; called only when no argument is NULL.
    ///
    /// Optional arguments that were not given are missing at the end of the list.
    private let body: (FunctionArguments) throws -> TableRows

    init(
        _ description: FunctionDescription, columns: [(name: String, type: String)],
        estimatedRows: Int, body: @escaping (FunctionArguments) throws -> TableRows
    ) {
        self.description = description
        self.columns = columns
        self.estimatedRows = estimatedRows
        self.body = body
    }

    /// The declaration that SQLite wants: visible columns first, then the hidden arguments.
    var declaration: String {
        let visible = columns.map { "\(SQLSession.quoted($0.name)) \($0.type)" }
        let hidden = description.arguments.map { "\(SQLSession.quoted($0.name)) HIDDEN" }
        return "CREATE TABLE x(\((visible + hidden).joined(separator: ", ")))"
    }

    /// The rows for some arguments.
    func rows(_ values: [ScalarValue]) throws -> TableRows {
        let arguments = FunctionArguments(function: description.name, values: values)
        return arguments.containsNull ? .none : try body(arguments)
    }

    /// Chooses how SQLite supplies the arguments.
    ///
    /// Each argument takes the next place of the argument list. A required one that only a later
    /// table of the join could supply makes this order of the join impossible.
    func plan(_ information: inout sqlite3_index_info) -> Plan {
        let required = description.arguments.count { !$0.isOptional }
        var given = [Int?](repeating: nil, count: description.arguments.count)
        var awaitsAnotherTable = false
        for index in 0..<Int(information.nConstraint) {
            let constraint = information.aConstraint[index]
            let argument = Int(constraint.iColumn) - columns.count
            guard argument >= 0, constraint.op == UInt8(SQLITE_INDEX_CONSTRAINT_EQ) else {
                continue
            }
            if constraint.usable == 0 {
                awaitsAnotherTable = true
            } else if given[argument] == nil {
                given[argument] = index
            }
        }
        let leading = given.prefix { $0 != nil }.compactMap { $0 }
        guard leading.count >= required else {
            return awaitsAnotherTable
                ? .impossibleOrder
                : .missing(description.arguments[leading.count].name)
        }
        for (place, index) in leading.enumerated() {
            information.aConstraintUsage[index].argvIndex = Int32(place + 1)
            information.aConstraintUsage[index].omit = 1
        }
        // Reading a tensor costs far more than any row of the index, so the planner narrows
        // everything else first and calls the function as rarely as it can.
        information.estimatedCost = 1e6
        information.estimatedRows = Int64(estimatedRows)
        return .possible
    }

    /// Whether the arguments of a use of the table are there.
    enum Plan: Equatable {
        case possible
        case impossibleOrder
        case missing(String)
    }
}
