/// Rows in columns, as a picture is made from them.
package struct DataTable: Sendable {
    /// One value of a row.
    package enum Value: Sendable, Equatable {
        case missing
        case number(Double)
        case text(String)
    }

    /// One column: numbers, and texts by their number in a list of different ones.
    package struct Column: Sendable {
        package let name: String
        /// NaN where the value is missing or a text.
        package private(set) var numbers: [Double] = []
        /// The index into `texts` by row, −1 where the value is no text; empty without any text.
        private var codes: [Int32] = []
        private var texts: [String] = []
        private var codeOfText: [String: Int32] = [:]

        init(name: String) { self.name = name }

        package var hasText: Bool { !texts.isEmpty }

        /// The first text of the column, to name it in an error.
        package var firstText: String? { texts.first }

        mutating func append(_ value: Value) {
            switch value {
            case .missing: appendNumber(.nan)
            case .number(let number): appendNumber(number)
            case .text(let text):
                if codes.isEmpty { codes = [Int32](repeating: -1, count: numbers.count) }
                numbers.append(.nan)
                if let code = codeOfText[text] {
                    codes.append(code)
                } else {
                    let code = Int32(texts.count)
                    codeOfText[text] = code
                    texts.append(text)
                    codes.append(code)
                }
            }
        }

        private mutating func appendNumber(_ number: Double) {
            numbers.append(number)
            if !texts.isEmpty { codes.append(-1) }
        }

        /// The text of a row; nil where it is none.
        package func text(_ row: Int) -> String? {
            guard !codes.isEmpty, codes[row] >= 0 else { return nil }
            return texts[Int(codes[row])]
        }

        /// The value of a row as a name; nil where it is missing.
        package func label(_ row: Int) -> String? {
            if let text = text(row) { return text }
            let number = numbers[row]
            return number.isNaN ? nil : Self.label(number)
        }

        /// The different values in the order in which they first come.
        func groups() -> Groups {
            var groups = Groups()
            groups.codes.reserveCapacity(numbers.count)
            var codeOfNumber: [UInt64: Int32] = [:]
            var codeOfCode: [Int32: Int32] = [:]
            for row in numbers.indices {
                let text = codes.isEmpty ? -1 : codes[row]
                // All NaN are one missing value, whatever their bits.
                let bits = numbers[row].isNaN ? Double.nan.bitPattern : numbers[row].bitPattern
                if let code = text >= 0 ? codeOfCode[text] : codeOfNumber[bits] {
                    groups.codes.append(code)
                    continue
                }
                let code = Int32(groups.labels.count)
                if text >= 0 { codeOfCode[text] = code } else { codeOfNumber[bits] = code }
                groups.labels.append(label(row))
                groups.numbers.append(numbers[row])
                groups.codes.append(code)
            }
            return groups
        }

        /// A number as it was written, without digits that are only rounding.
        static func label(_ number: Double) -> String {
            if number == number.rounded(), abs(number) < 1e15 { return String(Int64(number)) }
            return number.description
        }
    }

    /// Which rows of a column have the same value.
    struct Groups {
        /// The index into `labels` by row.
        var codes: [Int32] = []
        /// Nil for a missing value.
        var labels: [String?] = []
        /// The value itself where it is a number; NaN for texts.
        var numbers: [Double] = []
    }

    package private(set) var columns: [Column]
    package private(set) var rowCount = 0

    package init(columns names: [String]) { columns = names.map(Column.init) }

    package mutating func append(_ values: some Sequence<Value>) {
        var index = 0
        for value in values {
            columns[index].append(value)
            index += 1
        }
        rowCount += 1
    }

    package func column(_ name: String) -> Column? { columns.first { $0.name == name } }
}
