internal import Figures

/// HTML in the making: text is escaped, and only markup of the program itself is written as it is.
struct HTMLText {
    private(set) var text = ""

    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in TextMetrics.harmless(text).unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    mutating func markup(_ markup: String) { text += markup + "\n" }

    mutating func element(_ name: String, _ content: String) {
        markup("<\(name)>\(Self.escaped(content))</\(name)>")
    }

    /// Commands and statements, as they are.
    mutating func code(_ lines: [String]) {
        markup("<pre>" + lines.map(Self.escaped).joined(separator: "\n") + "</pre>")
    }

    /// A table; cells that are numbers stand on the right.
    mutating func table(_ columns: [String], _ rows: [[String]]) {
        guard !rows.isEmpty else { return }
        markup("<div class=\"wide\"><table><thead><tr>")
        for column in columns { markup("<th scope=\"col\">\(Self.escaped(column))</th>") }
        markup("</tr></thead><tbody>")
        for row in rows {
            let cells = row.map { cell in
                let isNumber =
                    Double(cell.replacing(",", with: "").replacing("−", with: "-")) != nil
                return (isNumber ? "<td class=\"n\">" : "<td>") + Self.escaped(cell) + "</td>"
            }
            markup("<tr>" + cells.joined() + "</tr>")
        }
        markup("</tbody></table></div>")
    }

    /// A drawing in the document, without the head of a file.
    mutating func drawing(_ svg: String) {
        let start = svg.firstRange(of: "<svg")?.lowerBound ?? svg.startIndex
        markup(String(svg[start...]))
    }
}
