internal import Checkpoints

/// Reads a pickle as data: it builds numbers, texts, containers and tensors.
///
/// What a function or a class that it does not know would make is an object with its name and its
/// state; nothing is called.
struct PickleMachine {
    /// Something in the pickle that cannot be read, without the name of the file.
    struct Problem: Error {
        let cause: String
        var advice = ""
    }

    /// The protocols of the opcodes below; PyTorch writes 2, newer Python up to 5.
    private static let protocols = 2...5

    var cursor: ByteCursor
    var stack: [PickleItem] = []
    private var marks: [Int] = []
    private var memo: [Int: PickleItem] = [:]
    var containers: [PickleContainer] = []
    /// What may still be looked at again: a few bytes of opcodes can copy a long list or text.
    private var remainingWork: Int
    /// The bytes that all tensors of the result may take.
    private let largestContent: Int
    /// Makes the tensor of a storage, shape and strides.
    let makeTensor: (TorchView) throws -> StoredTensor

    private static let freeWork = 1 << 20
    /// Nothing real counts further, and turning digits takes the square of their number.
    private static let longestInteger = 255
    private static let workPerByte = 2

    init(
        _ bytes: [UInt8], largestContent: Int,
        makeTensor: @escaping (TorchView) throws -> StoredTensor
    ) {
        cursor = ByteCursor(bytes)
        self.largestContent = largestContent
        self.makeTensor = makeTensor
        remainingWork = max(
            Self.freeWork, bytes.count.saturatingProduct(Self.workPerByte))
    }

    /// Counts items or bytes that are looked at or copied.
    mutating func charge(_ count: Int) throws {
        remainingWork -= count
        guard remainingWork >= 0 else {
            throw Problem(cause: "its pickle copies the same things again and again")
        }
    }

    /// Where the next pickle begins, where one follows another.
    var position: Int { cursor.position }

    /// The value of the pickle that begins at the cursor, up to its end.
    mutating func run() throws -> Value {
        stack = []
        marks = []
        memo = [:]
        containers = []
        guard try cursor.byte() == Opcode.proto.rawValue else {
            throw Problem(
                cause: "its pickle has no protocol number: only protocols 2 to 5 are read")
        }
        let number = Int(try cursor.byte())
        guard Self.protocols.contains(number) else {
            throw Problem(cause: "its pickle has protocol \(number); only 2 to 5 are read")
        }
        while true {
            let position = cursor.position
            let code = try cursor.byte()
            guard let opcode = Opcode(rawValue: code) else {
                throw Problem(
                    cause: "its pickle has the opcode 0x\(String(code, radix: 16)) at byte "
                        + "\(position), which is not read")
            }
            if opcode == .stop { break }
            try step(opcode)
        }
        let result = try pop()
        guard stack.isEmpty, marks.isEmpty else {
            throw Problem(cause: "its pickle leaves something behind")
        }
        var reader = PickleValueReader(
            containers: containers, byteCount: cursor.bytes.count,
            largestContent: largestContent)
        return try reader.value(of: result)
    }

    private mutating func step(_ opcode: Opcode) throws {
        switch opcode {
        case .proto: try cursor.skip(1)
        case .frame: try cursor.skip(8)
        case .stop: break
        case .mark: marks.append(stack.count)
        case .pop: if marks.last == stack.count { marks.removeLast() } else { _ = try pop() }
        case .popMark: _ = try popMark()
        case .duplicate: stack.append(try top())
        case .none: stack.append(.none)
        case .true: stack.append(.boolean(true))
        case .false: stack.append(.boolean(false))
        case .integer4: stack.append(.integer(Int(try cursor.number(Int32.self))))
        case .integer1: stack.append(.integer(Int(try cursor.byte())))
        case .integer2: stack.append(.integer(Int(try cursor.number(UInt16.self))))
        case .long1: stack.append(longInteger(try cursor.take(Int(try cursor.byte()))))
        case .real:
            let bits = try cursor.take(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            stack.append(.real(Double(bitPattern: bits)))
        case .text4: stack.append(.text(try text(Int(try cursor.number(UInt32.self)))))
        case .text1: stack.append(.text(try text(Int(try cursor.byte()))))
        case .text8: stack.append(.text(try text(try cursor.length64())))
        case .string4: stack.append(.text(try text(Int(try cursor.number(UInt32.self)))))
        case .string1: stack.append(.text(try text(Int(try cursor.byte()))))
        case .bytes4:
            stack.append(.bytes(Array(try cursor.take(Int(try cursor.number(UInt32.self))))))
        case .bytes1: stack.append(.bytes(Array(try cursor.take(Int(try cursor.byte())))))
        case .bytes8, .byteArray8:
            stack.append(.bytes(Array(try cursor.take(try cursor.length64()))))
        case .emptyList, .emptySet: push(.list, [])
        case .emptyTuple: push(.tuple, [])
        case .emptyDictionary: push(.dictionary, [])
        case .list, .frozenSet: push(.list, try popMark())
        case .tuple: push(.tuple, try popMark())
        case .tuple1: push(.tuple, try pop(count: 1))
        case .tuple2: push(.tuple, try pop(count: 2))
        case .tuple3: push(.tuple, try pop(count: 3))
        case .dictionary: push(.dictionary, try pairs(try popMark()))
        case .append: try extend(.list, with: try pop(count: 1))
        case .appends, .addItems: try extend(.list, with: try popMark())
        case .setItem: try extend(.dictionary, with: try pop(count: 2))
        case .setItems: try extend(.dictionary, with: try pairs(try popMark()))
        case .put1: memo[Int(try cursor.byte())] = try top()
        case .put4: memo[Int(try cursor.number(UInt32.self))] = try top()
        case .memoize: memo[memo.count] = try top()
        case .get1: stack.append(try remembered(Int(try cursor.byte())))
        case .get4: stack.append(try remembered(Int(try cursor.number(UInt32.self))))
        case .persistentID: stack.append(try persistent(try pop()))
        case .global:
            let module = String(decoding: try cursor.line(), as: UTF8.self)
            stack.append(
                .global(
                    PickleGlobal(
                        module: module, name: String(decoding: try cursor.line(), as: UTF8.self))))
        case .stackGlobal:
            guard case .text(let name) = try pop(), case .text(let module) = try pop() else {
                throw Problem(cause: "its pickle names a function by something that is no text")
            }
            try charge(module.utf8.count + name.utf8.count)
            stack.append(.global(PickleGlobal(module: module, name: name)))
        case .reduce, .newObject:
            let arguments = try items(of: try pop(), kind: .tuple)
            try call(try pop(), with: arguments)
        case .newObjectExtended:
            // Named arguments of a class that is not known say nothing.
            _ = try pop()
            let arguments = try items(of: try pop(), kind: .tuple)
            try call(try pop(), with: arguments)
        case .build:
            let state = try pop()
            try build(try top(), state)
        case .long4:
            let count = Int(try cursor.number(Int32.self))
            guard (0...Self.longestInteger).contains(count) else {
                throw Problem(cause: "its pickle has a whole number of \(count) bytes")
            }
            stack.append(longInteger(try cursor.take(count)))
        case .persistentText, .instance, .object, .extension1, .extension2, .extension4, .buffer,
            .readOnlyBuffer, .put, .get, .integerText, .longText, .realText, .stringText,
            .unicodeText:
            throw Problem(cause: "its pickle has the opcode \(opcode), which no tensor file needs")
        }
    }
}

// MARK: - The stack

extension PickleMachine {
    private func top() throws -> PickleItem {
        guard let item = stack.last, stack.count > marks.last ?? 0 else { throw Self.emptyStack }
        return item
    }

    private mutating func pop() throws -> PickleItem {
        _ = try top()
        return stack.removeLast()
    }

    private mutating func pop(count: Int) throws -> [PickleItem] {
        guard stack.count - count >= marks.last ?? 0 else { throw Self.emptyStack }
        defer { stack.removeLast(count) }
        return Array(stack.suffix(count))
    }

    /// What was pushed since the last mark.
    private mutating func popMark() throws -> [PickleItem] {
        guard let mark = marks.popLast() else { throw Self.emptyStack }
        defer { stack.removeSubrange(mark...) }
        return Array(stack[mark...])
    }

    private static let emptyStack = Problem(cause: "its pickle takes more than it put down")

    private func remembered(_ position: Int) throws -> PickleItem {
        guard let item = memo[position] else {
            throw Problem(cause: "its pickle recalls something it never stored")
        }
        return item
    }

    mutating func push(_ kind: PickleContainer.Kind, _ items: [PickleItem]) {
        stack.append(make(kind, items))
    }

    mutating func make(_ kind: PickleContainer.Kind, _ items: [PickleItem]) -> PickleItem {
        containers.append(PickleContainer(kind: kind, items: items))
        return .container(containers.count - 1)
    }

    private func pairs(_ items: [PickleItem]) throws -> [PickleItem] {
        guard items.count.isMultiple(of: 2) else {
            throw Problem(cause: "its pickle has a dictionary key without a value")
        }
        return items
    }

    /// Adds to the container on top of the stack.
    private mutating func extend(_ kind: PickleContainer.Kind, with items: [PickleItem]) throws {
        guard case .container(let position) = try top() else {
            throw Problem(cause: "its pickle adds to something that is not a \(kind)")
        }
        if containers[position].kind == .object {
            // An unknown kind of list or dictionary is a list or dictionary.
            containers[position] = PickleContainer(kind: kind, items: [])
        }
        guard containers[position].kind == kind else {
            throw Problem(cause: "its pickle adds to something that is not a \(kind)")
        }
        containers[position].items += items
    }

    /// The items of a container of one kind.
    mutating func items(
        of item: PickleItem, kind: PickleContainer.Kind
    ) throws -> [PickleItem] {
        guard case .container(let position) = item, containers[position].kind == kind else {
            throw Problem(cause: "its pickle has something else where a \(kind) belongs")
        }
        try charge(containers[position].items.count)
        return containers[position].items
    }

    private mutating func text(_ count: Int) throws -> String {
        String(decoding: try cursor.take(count), as: UTF8.self)
    }

    /// A two's complement number of up to 255 bytes; beyond 64 bits it becomes decimal text.
    private func longInteger(_ bytes: ArraySlice<UInt8>) -> PickleItem {
        let isNegative = (bytes.last ?? 0) >= 0x80
        guard bytes.count > 8 else {
            let bits = bytes.reversed().reduce(isNegative ? UInt64.max : 0) {
                $0 << 8 | UInt64($1)
            }
            return .integer(Int(Int64(bitPattern: bits)))
        }
        // Division by ten, digit by digit from the top, of the absolute value.
        var digits = Array(bytes.reversed())
        if isNegative {
            var carry = true
            for index in digits.indices.reversed() {
                digits[index] = ~digits[index]
                if carry { (digits[index], carry) = digits[index].addingReportingOverflow(1) }
            }
        }
        var decimal = ""
        while digits.contains(where: { $0 != 0 }) {
            var rest = 0
            for index in digits.indices {
                let dividend = rest << 8 | Int(digits[index])
                digits[index] = UInt8(dividend / 10)
                rest = dividend % 10
            }
            decimal.append(String(rest))
        }
        let text = (isNegative ? "-" : "") + String(decimal.reversed())
        return Int(text).map(PickleItem.integer) ?? .text(text.isEmpty ? "0" : text)
    }

    /// What calling the item would have made.
    private mutating func call(_ function: PickleItem, with arguments: [PickleItem]) throws {
        switch function {
        case .global(let global): stack.append(try apply(global, to: arguments))
        case .container(let position) where containers[position].kind == .object:
            // A function that an unknown function made.
            stack.append(function)
        default: throw Problem(cause: "its pickle calls something that is not a function")
        }
    }
}
