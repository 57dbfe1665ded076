internal import Checkpoints

/// The elements of a PyTorch storage.
enum TorchElementType: Sendable, Equatable {
    case known(ElementType)
    /// Bytes; the tensor says what they are.
    case untyped
    /// Something that Cairn does not store, for example `float8_e4m3fn`.
    case foreign(String)
}

/// The functions and classes that a pickle names.
///
/// None is ever called: each known one stands for something that the machine does itself, and what an
/// unknown one makes is an object that nobody looks into beyond the state it carries.
enum PickleGlobal: Equatable {
    case orderedDictionary
    case counter
    case defaultDictionary
    /// `set`, `frozenset`, `tuple`, `deque` and `list`, which become lists.
    case sequence
    /// Plain holders of settings, which become dictionaries.
    case settings
    case rebuildTensor
    case rebuildTensorOfType
    case rebuildParameter
    case rebuildFromClass
    /// `torch.Tensor` and `torch.nn.Parameter`.
    case tensorClass
    case storage(TorchElementType)
    case elementType(TorchElementType, name: String)
    case size
    case device
    case arrayReconstruct
    case arrayClass
    case arrayScalar
    case arrayElementType
    case encode
    /// A class that is only a key.
    case className(String)
    /// Types that only appear as the default of a dictionary.
    case plainType
    /// `copyreg._reconstructor`, which makes an object of the class that is its first argument.
    case reconstructor
    /// The paths of `pathlib`, which become texts.
    case filePath
    /// Anything else, by its full name.
    case unknown(String)

    init(module: String, name: String) {
        switch (module, name) {
        case ("collections", "OrderedDict"): self = .orderedDictionary
        case ("collections", "Counter"): self = .counter
        case ("collections", "defaultdict"): self = .defaultDictionary
        case ("builtins", "set"), ("builtins", "frozenset"), ("builtins", "list"),
            ("__builtin__", "set"), ("__builtin__", "frozenset"), ("__builtin__", "list"),
            ("builtins", "tuple"), ("collections", "deque"):
            self = .sequence
        case ("builtins", "dict"), ("__builtin__", "dict"), ("argparse", "Namespace"),
            ("pytorch_lightning.utilities.parsing", "AttributeDict"),
            ("lightning.pytorch.utilities.parsing", "AttributeDict"),
            ("lightning_fabric.utilities.data", "AttributeDict"),
            ("transformer_lens.HookedTransformerConfig", "HookedTransformerConfig"),
            ("easy_transformer.EasyTransformerConfig", "EasyTransformerConfig"):
            self = .settings
        case ("builtins", "int"), ("builtins", "float"), ("builtins", "str"),
            ("__builtin__", "int"), ("__builtin__", "float"), ("__builtin__", "str"):
            self = .plainType
        case ("torch._utils", "_rebuild_tensor"), ("torch._utils", "_rebuild_tensor_v2"):
            self = .rebuildTensor
        case ("torch._utils", "_rebuild_tensor_v3"): self = .rebuildTensorOfType
        case ("torch._utils", "_rebuild_parameter"),
            ("torch._utils", "_rebuild_parameter_with_state"):
            self = .rebuildParameter
        case ("torch._tensor", "_rebuild_from_type_v2"): self = .rebuildFromClass
        case ("torch", "Tensor"), ("torch.nn.parameter", "Parameter"): self = .tensorClass
        case ("torch", "Size"): self = .size
        case ("torch", "device"): self = .device
        case ("torch.storage", "UntypedStorage"): self = .storage(.untyped)
        case ("numpy.core.multiarray", "_reconstruct"),
            ("numpy._core.multiarray", "_reconstruct"):
            self = .arrayReconstruct
        case ("numpy.core.multiarray", "scalar"), ("numpy._core.multiarray", "scalar"):
            self = .arrayScalar
        case ("numpy", "ndarray"): self = .arrayClass
        case ("numpy", "dtype"): self = .arrayElementType
        case ("_codecs", "encode"): self = .encode
        // The names of callbacks, which Lightning before 1.5 keeps as keys.
        case ("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint"),
            ("pytorch_lightning.callbacks.early_stopping", "EarlyStopping"):
            self = .className(name)
        case ("copyreg", "_reconstructor"), ("copy_reg", "_reconstructor"):
            self = .reconstructor
        case ("pathlib", "PosixPath"), ("pathlib", "PurePosixPath"), ("pathlib", "Path"),
            ("pathlib", "PurePath"), ("pathlib._local", "PosixPath"),
            ("pathlib._local", "PurePosixPath"):
            self = .filePath
        case ("torch", _):
            if let type = Self.storages[name] {
                self = .storage(.known(type))
            } else if let type = Self.foreignStorages[name] {
                self = .storage(.foreign(type))
            } else if let type = Self.elementTypes[name] {
                self = .elementType(.known(type), name: name)
            } else if Self.foreignElementTypes.contains(name) {
                self = .elementType(.foreign(name), name: name)
            } else {
                self = .unknown("torch.\(name)")
            }
        default: self = .unknown("\(module).\(name)")
        }
    }

    private static let storages: [String: ElementType] = [
        "HalfStorage": .float16, "BFloat16Storage": .bfloat16, "FloatStorage": .float32,
        "DoubleStorage": .float64, "CharStorage": .int8, "ShortStorage": .int16,
        "IntStorage": .int32, "LongStorage": .int64, "ByteStorage": .uint8, "BoolStorage": .bool,
        "ComplexFloatStorage": .complex64, "ComplexDoubleStorage": .complex128,
    ]

    private static let foreignStorages = [
        "QInt8Storage": "qint8", "QUInt8Storage": "quint8", "QInt32Storage": "qint32",
        "QUInt4x2Storage": "quint4x2", "QUInt2x4Storage": "quint2x4",
    ]

    private static let elementTypes: [String: ElementType] = [
        "float16": .float16, "half": .float16, "bfloat16": .bfloat16, "float32": .float32,
        "float": .float32, "float64": .float64, "double": .float64, "int8": .int8,
        "int16": .int16, "short": .int16, "int32": .int32, "int": .int32, "int64": .int64,
        "long": .int64, "uint8": .uint8, "uint16": .uint16, "uint32": .uint32,
        "uint64": .uint64, "bool": .bool, "complex64": .complex64, "cfloat": .complex64,
        "complex128": .complex128, "cdouble": .complex128,
    ]

    private static let foreignElementTypes: Set<String> = [
        "complex32", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz",
        "float8_e8m0fnu", "float4_e2m1fn_x2", "qint8", "quint8", "qint32",
    ]
}
