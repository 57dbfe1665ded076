/// SVG in the making, as bytes.
struct SVGText {
    private(set) var bytes: [UInt8] = []

    mutating func raw(_ text: String) { bytes.append(contentsOf: text.utf8) }

    mutating func line(_ text: String) {
        raw(text)
        bytes.append(0x0a)
    }

    /// Text between tags or in an attribute, so that no character of it means anything to XML.
    static func escaped(_ text: String) -> String {
        let text = TextMetrics.harmless(text)
        guard text.utf8.contains(where: { [0x26, 0x3c, 0x3e, 0x22, 0x27].contains($0) }) else {
            return text
        }
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }

    mutating func text(
        _ text: String, x: Int, y: Int, size: Double, anchor: String = "start",
        color: Palette.Color, isBold: Bool = false, rotated: Bool = false
    ) {
        raw("<text x=\"\(x)\" y=\"\(y)\" font-size=\"\(Int(size))\" fill=\"\(color.hex)\"")
        if anchor != "start" { raw(" text-anchor=\"\(anchor)\"") }
        if isBold { raw(" font-weight=\"bold\"") }
        if rotated { raw(" transform=\"rotate(-90 \(x) \(y))\"") }
        line(">\(Self.escaped(text))</text>")
    }

    mutating func rectangle(_ frame: Frame, fill: String, stroke: String? = nil) {
        raw("<rect x=\"\(frame.left)\" y=\"\(frame.top)\" width=\"\(frame.width)\"")
        raw(" height=\"\(frame.height)\" fill=\"\(fill)\"")
        if let stroke { raw(" stroke=\"\(stroke)\"") }
        line("/>")
    }

    /// The commands of a broken line, from each place to the next.
    mutating func path(_ pieces: [[Place]], isClosed: Bool = false) {
        for piece in pieces {
            guard let first = piece.first else { continue }
            append(0x4d, first.x, first.y)
            if piece.count == 1 {
                // A line of no length has no ends to be round in some renderers.
                raw("h1")
            } else {
                var last = first
                var isFirst = true
                for place in piece.dropFirst() {
                    append(isFirst ? 0x6c : 0, place.x - last.x, place.y - last.y)
                    isFirst = false
                    last = place
                }
            }
            if isClosed { bytes.append(0x7a) }
        }
    }

    private mutating func append(_ command: UInt8, _ x: Int, _ y: Int) {
        if command != 0 {
            bytes.append(command)
        } else if x >= 0 {
            bytes.append(0x20)
        }
        append(x)
        if y >= 0 { bytes.append(0x20) }
        append(y)
    }

    mutating func append(_ number: Int) {
        var magnitude = number.magnitude
        if number < 0 { bytes.append(0x2d) }
        if magnitude == 0 { return bytes.append(0x30) }
        let start = bytes.count
        while magnitude > 0 {
            bytes.append(0x30 + UInt8(magnitude % 10))
            magnitude /= 10
        }
        bytes[start...].reverse()
    }
}
