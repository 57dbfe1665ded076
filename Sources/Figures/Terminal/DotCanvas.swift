/// A grid of characters that curves are drawn on, in braille dots or in plain letters.
struct DotCanvas {
    let width: Int
    let height: Int
    let isBraille: Bool
    private var dots: [UInt8]
    private var characters: [Character?]
    private var colors: [Int?]

    init(width: Int, height: Int, isBraille: Bool) {
        self.width = width
        self.height = height
        self.isBraille = isBraille
        dots = [UInt8](repeating: 0, count: width * height)
        characters = [Character?](repeating: nil, count: width * height)
        colors = [Int?](repeating: nil, count: width * height)
    }

    /// The dots across and down: braille cells are two wide and four high.
    var dotWidth: Int { isBraille ? 2 * width : width }
    var dotHeight: Int { isBraille ? 4 * height : height }

    /// The bits of a braille pattern by dot row, left and right column (Unicode 2800 to 28FF).
    private static let bits: [[UInt8]] = [
        [0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80],
    ]

    mutating func set(_ x: Int, _ y: Int, color: Int?, letter: Character) {
        guard x >= 0, y >= 0, x < dotWidth, y < dotHeight else { return }
        let cell = isBraille ? (y / 4) * width + x / 2 : y * width + x
        if isBraille { dots[cell] |= Self.bits[y % 4][x % 2] } else { characters[cell] = letter }
        colors[cell] = color
    }

    /// A straight line between two dots (Bresenham); what lies outside is not drawn.
    mutating func line(from start: Place, to end: Place, color: Int?, letter: Character) {
        // A line from far outside is followed no farther than a canvas away.
        func near(_ place: Place) -> Place {
            Place(
                min(max(place.x, -2 * dotWidth), 3 * dotWidth),
                min(max(place.y, -2 * dotHeight), 3 * dotHeight))
        }
        let (start, end) = (near(start), near(end))
        var (x, y) = (start.x, start.y)
        let (dx, dy) = (abs(end.x - x), -abs(end.y - y))
        let (stepX, stepY) = (x < end.x ? 1 : -1, y < end.y ? 1 : -1)
        var error = dx + dy
        while true {
            set(x, y, color: color, letter: letter)
            if x == end.x && y == end.y { return }
            let doubled = 2 * error
            if doubled >= dy {
                error += dy
                x += stepX
            }
            if doubled <= dx {
                error += dx
                y += stepY
            }
        }
    }

    /// Puts a character over whatever is in a cell.
    mutating func put(_ character: Character, column: Int, row: Int, color: Int?) {
        guard column >= 0, row >= 0, column < width, row < height else { return }
        characters[row * width + column] = character
        colors[row * width + column] = color
    }

    /// Puts a character where nothing is drawn yet.
    mutating func fill(_ character: Character, column: Int, row: Int, color: Int?) {
        guard column >= 0, row >= 0, column < width, row < height else { return }
        let cell = row * width + column
        guard dots[cell] == 0, characters[cell] == nil else { return }
        characters[cell] = character
        colors[cell] = color
    }

    /// Writes a name to the right of a column, or to its left, in the nearest row with free cells.
    mutating func name(_ text: String, beside column: Int, row: Int, color: Int?) {
        let letters = Array(text)
        for distance in 0..<height {
            for candidate in Set([row + distance, row - distance]).sorted()
            where candidate >= 0 && candidate < height {
                for start in [column + 2, column - letters.count - 1]
                where start >= 0 && start + letters.count <= width {
                    let cells =
                        (candidate * width + start)..<(candidate * width + start + letters.count)
                    guard cells.allSatisfy({ dots[$0] == 0 && characters[$0] == nil }) else {
                        continue
                    }
                    for (cell, letter) in zip(cells, letters) {
                        characters[cell] = letter
                        colors[cell] = color
                    }
                    return
                }
            }
        }
    }

    /// The rows as text, in colour where colours are welcome.
    func rows(hasColor: Bool) -> [String] {
        (0..<height).map { row in
            var text = ""
            var current: Int?
            for cell in (row * width)..<((row + 1) * width) {
                let character = character(cell)
                let color = hasColor && character != " " ? colors[cell] : nil
                if color != current {
                    text += color.map { "\u{1b}[\($0)m" } ?? "\u{1b}[0m"
                    current = color
                }
                text.append(character)
            }
            if current != nil { return text + "\u{1b}[0m" }
            while text.hasSuffix(" ") { text.removeLast() }
            return text
        }
    }

    private func character(_ cell: Int) -> Character {
        if let character = characters[cell] { return character }
        guard dots[cell] != 0, let scalar = Unicode.Scalar(0x2800 + UInt32(dots[cell])) else {
            return " "
        }
        return Character(scalar)
    }
}
