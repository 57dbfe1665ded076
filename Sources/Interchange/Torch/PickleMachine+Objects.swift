internal import Checkpoints

/// How a tensor looks at a storage, before its limits are checked.
struct TorchView {
    let storage: TorchStorage
    let elementType: TorchElementType
    let offset: Int
    let shape: [Int]
    let strides: [Int]
}

extension PickleMachine {
    /// What the reducing function would have returned.
    mutating func apply(_ function: PickleGlobal, to arguments: [PickleItem]) throws -> PickleItem {
        switch (function, arguments.count) {
        case (.orderedDictionary, 0), (.counter, 0), (.settings, 0), (.defaultDictionary, 0...1):
            return make(.dictionary, [])
        case (.counter, 1), (.settings, 1):
            return make(.dictionary, try items(of: arguments[0], kind: .dictionary))
        case (.defaultDictionary, 2):
            return make(.dictionary, try items(of: arguments[1], kind: .dictionary))
        case (.orderedDictionary, 1):
            var content: [PickleItem] = []
            for pair in try items(of: arguments[0], kind: .list) {
                guard case .container(let position) = pair, containers[position].items.count == 2
                else { throw Problem(cause: "its pickle has an ordered dictionary of odd pairs") }
                content += containers[position].items
            }
            return make(.dictionary, content)
        case (.sequence, 0): return make(.list, [])
        case (.sequence, 1...2): return make(.list, try elements(of: arguments[0]))
        case (.filePath, _): return .text(try path(arguments))
        case (.reconstructor, 1...3):
            guard case .global(.unknown(let name)) = arguments[0] else {
                guard case .global(let known) = arguments[0] else {
                    throw Problem(cause: "its pickle makes an object of no class")
                }
                return try apply(known, to: [])
            }
            return object(name)
        case (.unknown(let name), _): return object(name)
        case (.size, 1): return make(.tuple, try items(of: arguments[0], kind: .tuple))
        case (.device, 1...2): return arguments[0]
        case (.rebuildTensor, 4...7): return try tensor(arguments, elementType: nil)
        case (.rebuildTensorOfType, 7...8):
            guard case .global(.elementType(let type, _)) = arguments[6] else {
                throw Problem(cause: "its pickle has a tensor without an element type")
            }
            return try tensor(arguments, elementType: type)
        case (.rebuildParameter, 3...4):
            guard isTensor(arguments[0]) else {
                throw Problem(cause: "its pickle has a parameter that is no tensor")
            }
            return arguments[0]
        case (.rebuildFromClass, 4):
            if case .global(.unknown(let name)) = arguments[0] { return object(name) }
            guard case .global(let rebuild) = arguments[0],
                [.rebuildTensor, .rebuildTensorOfType, .rebuildParameter].contains(rebuild)
            else { throw Problem(cause: "its pickle rebuilds a tensor in an unknown way") }
            return try apply(rebuild, to: try items(of: arguments[2], kind: .tuple))
        case (.arrayElementType, 1...3):
            guard case .text = arguments[0] else {
                throw Problem(cause: "its pickle has a NumPy type without a code")
            }
            return make(.arrayType, [arguments[0], .text("=")])
        case (.arrayReconstruct, 3): return make(.array, [])
        case (.arrayScalar, 2): return try arrayScalar(arguments)
        case (.encode, 2): return .bytes(try encoded(arguments))
        default:
            throw Problem(cause: "its pickle calls \(function) with \(arguments.count) arguments")
        }
    }

    /// What `BUILD` does to the object on top of the stack.
    mutating func build(_ object: PickleItem, _ state: PickleItem) throws {
        guard case .container(let position) = object else {
            // Attributes of a tensor or a parameter say nothing about its numbers.
            guard case .tensor = object else {
                throw Problem(cause: "its pickle gives a state to something that has none")
            }
            return
        }
        switch containers[position].kind {
        case .dictionary:
            // `OrderedDict._metadata` is kept apart from the keys by PyTorch and means nothing
            // here; a holder of settings has nothing but its state.
            guard case .container(let place) = state, containers[place].kind == .dictionary else {
                throw Problem(cause: "its pickle gives a dictionary an odd state")
            }
            if containers[position].items.isEmpty {
                try charge(containers[place].items.count)
                containers[position].items = containers[place].items
            }
        case .arrayType:
            let fields = try items(of: state, kind: .tuple)
            guard fields.count > 1, case .text(let order) = fields[1] else {
                throw Problem(cause: "its pickle has a NumPy type of an odd state")
            }
            containers[position].items[1] = .text(order)
        case .array:
            containers[position].items = [try array(state)]
        case .object:
            if containers[position].items.count == 1 { containers[position].items.append(state) }
        case .list, .tuple:
            throw Problem(cause: "its pickle gives a state to something that has none")
        }
    }

    /// What a persistent id names: a storage, or in PyTorch's old format the class of a module, whose
    /// source stands beside it.
    mutating func persistent(_ identifier: PickleItem) throws -> PickleItem {
        let fields = try items(of: identifier, kind: .tuple)
        if fields.count == 4, case .text("module") = fields[0] { return fields[1] }
        return .storage(try storage(fields))
    }

    /// `('storage', class, key, device, count)`; the old format adds the part of another storage that
    /// it is, which PyTorch has written as none since version 0.4.
    private mutating func storage(_ fields: [PickleItem]) throws -> TorchStorage {
        if fields.count > 5 {
            guard case .none = fields[5] else {
                throw Problem(cause: "a storage is a part of another one")
            }
        }
        guard fields.count >= 5, case .text("storage") = fields[0],
            case .global(.storage(let type)) = fields[1], case .text(let key) = fields[2],
            case .integer(let count) = fields[4], count >= 0
        else { throw Problem(cause: "its pickle refers to something that is not a storage") }
        return TorchStorage(elementType: type, key: key, count: count)
    }

    /// `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks, metadata)`.
    private mutating func tensor(
        _ arguments: [PickleItem], elementType: TorchElementType?
    ) throws -> PickleItem {
        guard case .storage(let storage) = arguments[0], case .integer(let offset) = arguments[1]
        else { throw Problem(cause: "its pickle has a tensor without a storage") }
        let metadata = elementType == nil ? 6 : 7
        if arguments.count > metadata, case .container(let position) = arguments[metadata] {
            // Conjugate and negative views are bits here, not stored numbers.
            let isLazy = containers[position].items.contains {
                if case .boolean(true) = $0 { true } else { false }
            }
            if isLazy {
                return object(
                    "a conjugate or negative view (save tensor.resolve_conj().resolve_neg())")
            }
        }
        let view = TorchView(
            storage: storage, elementType: elementType ?? storage.elementType, offset: offset,
            shape: try integers(arguments[2]), strides: try integers(arguments[3]))
        if case .foreign(let name) = view.elementType {
            return object("a tensor of \(name), which Cairn does not store")
        }
        return .tensor(try makeTensor(view))
    }

    /// An object of which only the class is known.
    mutating func object(_ name: String) -> PickleItem { make(.object, [.text(name)]) }

    private func isTensor(_ item: PickleItem) -> Bool {
        switch item {
        case .tensor: true
        // A tensor that cannot be stored.
        case .container(let position): containers[position].kind == .object
        default: false
        }
    }

    /// The elements of a list or tuple.
    private mutating func elements(of item: PickleItem) throws -> [PickleItem] {
        guard case .container(let position) = item, containers[position].kind == .tuple else {
            return try items(of: item, kind: .list)
        }
        return try items(of: item, kind: .tuple)
    }

    /// The parts of a path, joined.
    private mutating func path(_ parts: [PickleItem]) throws -> String {
        let texts = parts.compactMap { part in
            if case .text(let text) = part { text } else { nil }
        }
        guard texts.count == parts.count else {
            throw Problem(cause: "its pickle has a path of something that is no text")
        }
        try charge(texts.reduce(0) { $0 + $1.utf8.count })
        let joined = texts.joined(separator: "/")
        return joined.hasPrefix("//") ? String(joined.dropFirst()) : joined
    }

    private mutating func integers(_ item: PickleItem) throws -> [Int] {
        try items(of: item, kind: .tuple).map {
            guard case .integer(let number) = $0 else {
                throw Problem(cause: "its pickle has a tensor with an odd shape")
            }
            return number
        }
    }
}

// MARK: - NumPy

extension PickleMachine {
    /// `(version, shape, type, is_fortran, bytes)`.
    private mutating func array(_ state: PickleItem) throws -> PickleItem {
        let fields = try items(of: state, kind: .tuple)
        guard fields.count == 5, case .boolean(let isFortran) = fields[3] else {
            throw Problem(cause: "its pickle has a NumPy array of an odd state")
        }
        let code = try typeCode(fields[2])
        if code == "O8" {
            // The elements themselves; an array without axes is its only one.
            let elements = try items(of: fields[4], kind: .list)
            let isScalar = try integers(fields[1]).isEmpty && elements.count == 1
            return isScalar ? elements[0] : make(.list, elements)
        }
        guard case .bytes(let bytes) = fields[4] else {
            throw Problem(cause: "its pickle has a NumPy array of an odd state")
        }
        if let texts = ArrayText(code: code)?.texts(in: bytes) {
            try charge(bytes.count)
            return make(.list, texts.map(PickleItem.text))
        }
        guard ArrayLayout.ElementCode.codes[code] != nil else {
            return object("an array of elements of type \(code)")
        }
        let layout = ArrayLayout(
            type: try arrayType(fields[2]), shape: try integers(fields[1]),
            isFortranOrder: isFortran)
        guard let tensor = layout.tensor(of: bytes) else {
            throw Problem(cause: "its pickle has a NumPy array whose bytes do not fill its shape")
        }
        return .tensor(tensor)
    }

    private mutating func typeCode(_ item: PickleItem) throws -> String {
        let fields = try items(of: item, kind: .arrayType)
        guard case .text(let code) = fields[0] else {
            throw Problem(cause: "its pickle has a NumPy type without a code")
        }
        return code
    }

    private mutating func arrayType(_ item: PickleItem) throws -> ArrayLayout.ElementCode {
        let fields = try items(of: item, kind: .arrayType)
        guard case .text(let code) = fields[0], case .text(let order) = fields[1] else {
            throw Problem(cause: "its pickle has a NumPy type of an odd state")
        }
        guard let type = ArrayLayout.ElementCode(order: order, code: code) else {
            throw Problem(cause: "it holds NumPy elements of type \(code), which are not numbers")
        }
        return type
    }

    private mutating func arrayScalar(_ arguments: [PickleItem]) throws -> PickleItem {
        let code = try typeCode(arguments[0])
        if let text = ArrayText(code: code), case .bytes(let bytes) = arguments[1] {
            return text.texts(in: bytes)?.first.map(PickleItem.text) ?? .none
        }
        guard ArrayLayout.ElementCode.codes[code] != nil else {
            return object("a number of type \(code)")
        }
        let layout = ArrayLayout(
            type: try arrayType(arguments[0]), shape: [], isFortranOrder: false)
        guard case .bytes(let bytes) = arguments[1], let tensor = layout.tensor(of: bytes) else {
            throw Problem(cause: "its pickle has a NumPy number of the wrong size")
        }
        let number = try tensor.load(named: "number")
        switch tensor.elementType {
        case .float32, .float64, .float16: return number.doubles()?.first.map { .real($0) } ?? .none
        case .bool: return .boolean(number.bytes[0] != 0)
        case .complex64, .complex128, .bfloat16, .uint64: return .tensor(tensor)
        case .int64: return .integer(Int(number.values(as: Int64.self)[0]))
        default: return number.doubles()?.first.map { .integer(Int($0)) } ?? .none
        }
    }

    /// Protocol 2 writes bytes as text of code points below 256.
    private mutating func encoded(_ arguments: [PickleItem]) throws -> [UInt8] {
        guard case .text(let text) = arguments[0], case .text(let encoding) = arguments[1],
            encoding == "latin1"
        else { throw Problem(cause: "its pickle encodes text in an unknown way") }
        try charge(text.utf8.count)
        return try text.unicodeScalars.map {
            guard let byte = UInt8(exactly: $0.value) else {
                throw Problem(cause: "its pickle has bytes beyond 255")
            }
            return byte
        }
    }
}
