import Checkpoints
import TestSupport
import Testing

@Suite("JSON")
struct JSONValueTests {
    @Test("what is written is read again", arguments: 0..<100)
    func roundTrip(seed: Int) throws {
        var generator = SeededGenerator(seed: seed)
        let value = Self.tree(depth: 4, &generator)
        for text in [
            value.json(), value.json(spaced: true), value.json(sorted: true), value.pretty,
        ] {
            #expect(try JSONValue(parsing: text.utf8) == value, "seed \(seed)")
        }
    }

    private static func tree(depth: Int, _ generator: inout SeededGenerator) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &generator) {
        case 0: return .null
        case 1: return .boolean(Bool.random(using: &generator))
        case 2: return .integer(Int.random(in: .min ... .max, using: &generator))
        case 3:
            let number = Double(bitPattern: generator.next())
            return .real(number.isFinite ? number : 0.5)
        case 4, 5:
            let scalars = (0..<Int.random(in: 0..<6, using: &generator)).compactMap { _ in
                Unicode.Scalar(UInt32.random(in: 0..<0x11_0000, using: &generator))
            }
            return .text(String(String.UnicodeScalarView(scalars)))
        case 6:
            return .array((0..<3).map { _ in tree(depth: depth - 1, &generator) })
        default:
            return .object(
                (0..<3).map { .init("\($0)\"\n", tree(depth: depth - 1, &generator)) })
        }
    }

    @Test("numbers that JSON does not have are texts, and those of Python are read")
    func numbersThatAreNone() throws {
        #expect(
            JSONValue.array([.real(.nan), .real(-.infinity)]).json() == "[\"NaN\",\"-Infinity\"]")
        #expect(JSONValue.text("Infinity").real == .infinity)
        let read = try JSONValue(parsing: "[NaN, -Infinity, 1, 1.0, 1e400]".utf8).elements
        #expect(read?[0].real?.isNaN == true)
        #expect(read?[1].real == -.infinity)
        #expect(read?[2] == 1)
        #expect(read?[3] == .real(1))
        #expect(read?[4].real == .infinity)
    }

    @Test(
        "errors say what is wrong and where",
        arguments: [
            ("{\"a\": 1, \"a\": 2}", "the key a repeats (byte 12)"),
            ("[1", "a ] is missing (byte 2)"), ("[1] 2", "it goes on after its end (byte 4)"),
            ("\"\u{1}\"", "a text holds a control character (byte 2)"),
            (String(repeating: "[", count: 200), "it nests deeper than 100 levels (byte 100)"),
            ("0x10", "a value is missing (byte 0)"),
        ])
    func errors(text: String, expected: String) {
        let problem = #expect(throws: JSONValue.Problem.self) { try JSONValue(parsing: text.utf8) }
        #expect(problem?.description == expected)
    }

    @Test("members keep their order, and objects are equal whatever it is")
    func members() throws {
        var object: JSONValue = ["b": 1, "a": ["x": true]]
        #expect(object.json() == "{\"b\":1,\"a\":{\"x\":true}}")
        #expect(object == ["a": ["x": true], "b": 1])
        #expect(object != ["a": ["x": true], "b": 2])
        object["b"] = nil
        object["c"] = "text"
        #expect(object.written == "{a: {x: true}, c: text}")
        let laid = object.overlaid(by: ["a": ["y": .null], "c": 2.5])
        #expect(laid == ["a": ["x": true, "y": .null], "c": 2.5])
    }
}

@Suite("Run descriptions as JSON")
struct RunDescriptionJSONTests {
    @Test("every part survives both forms", arguments: [RunDescription.SettingForm.text, .value])
    func roundTrip(form: RunDescription.SettingForm) throws {
        var run = RunDescription(
            id: "a", name: "n\"ä", createdAt: 1.25, task: "t", network: "mlp", seed: -3,
            configuration: "{\"x\":1}",
            hyperparameters: [
                Hyperparameter("whole", .integer(1)), Hyperparameter("real", .real(1)),
                Hyperparameter("infinite", .real(-.infinity)), Hyperparameter("text", .text("1")),
                Hyperparameter("empty", .text("")), Hyperparameter("flag", .boolean(false)),
                Hyperparameter("none", .null),
            ],
            parent: .init(run: "b", step: 7), versions: ["cairn": "1"],
            origin: .init(path: "p", digest: "d", layout: "l"))
        #expect(try Self.again(run, form) == run)
        run.parent = nil
        run.origin = nil
        run.seed = nil
        #expect(try Self.again(run, form) == run)
        run.hyperparameters = [Hyperparameter("nan", .real(.nan))]
        #expect(try Self.again(run, form).hyperparameters[0].value.real?.isNaN == true)
    }

    private static func again(
        _ run: RunDescription, _ form: RunDescription.SettingForm
    ) throws -> RunDescription {
        try RunDescription(json: JSONValue(parsing: run.json(settings: form).json().utf8))
    }

    @Test("a setting that is not of its type is refused by name")
    func wrongType() {
        let json = RunDescription(
            id: "a", name: "", createdAt: 0, hyperparameters: [Hyperparameter("width", .text("x"))]
        ).json(settings: .text).overlaid(
            by: ["hyperparameters": .array([["name": "width", "type": "integer", "value": "x"]])])
        let problem = #expect(throws: RunDescription.Problem.self) {
            try RunDescription(json: json)
        }
        #expect(problem?.cause == "hyperparameter width is not of the type integer")
    }
}
