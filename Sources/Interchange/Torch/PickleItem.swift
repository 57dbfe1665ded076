/// What lies on the stack of the restricted pickle machine.
enum PickleItem {
    case none
    case boolean(Bool)
    case integer(Int)
    case real(Double)
    case text(String)
    case bytes([UInt8])
    indirect case tensor(StoredTensor)
    /// A position in the machine's table of containers.
    ///
    /// A pickle stores a container before it fills it, so others refer to it by position; the
    /// table frees millions of nested containers one by one, without recursion.
    case container(Int)
    /// A function or class by its name; nothing that could run is ever on the stack.
    case global(PickleGlobal)
    indirect case storage(TorchStorage)
}

/// A list, tuple, set or dictionary of a pickle, or a NumPy object that is being built.
struct PickleContainer {
    enum Kind {
        case list
        case tuple
        /// Keys and values in turn.
        case dictionary
        /// Its code and its byte order.
        case arrayType
        /// Its tensor, or the list that it is where its elements are no numbers.
        case array
        /// An object of an unknown class: the class's name, and the state that it was given.
        case object
    }

    let kind: Kind
    var items: [PickleItem]
}

/// A storage that a tensor may look at.
struct TorchStorage: Equatable {
    /// What its elements are; bytes for untyped storages.
    let elementType: TorchElementType
    /// The name of its entry.
    let key: String
    /// Elements, or bytes when untyped.
    let count: Int
}
