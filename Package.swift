// swift-tools-version: 6.2
import PackageDescription

/// Language settings of every target: Swift 6 mode, explicit existentials and imports, no warnings.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

/// Numerical targets, and those that take bytes apart, are optimised in debug builds too: a test suite
/// that trains networks would otherwise spend minutes in unoptimised inner loops.
let numerical: [SwiftSetting] =
    strict + [
        .unsafeFlags(
            ["-O", "-whole-module-optimization", "-num-threads", "2", "-disable-batch-mode"],
            .when(configuration: .debug))
    ]

/// `WideVectorKernels` is the source of `VectorKernels` compiled for AVX2; it is called on processors
/// that have it.
#if arch(x86_64)
let wide: [SwiftSetting] = numerical + [.unsafeFlags(["-Xcc", "-mavx2"])]
#else
let wide = numerical
#endif

/// The plugin that makes the documentation of the library, which nothing else needs.
let documentation: [Package.Dependency] =
    Context.environment["CAIRN_DOCUMENTATION"] == nil
    ? [] : [.package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0")]

let package = Package(
    name: "cairn",
    products: [
        .executable(name: "cairn", targets: ["cairn"]),
        .library(name: "CairnArchive", targets: ["CairnArchive"]),
        .library(name: "CairnExtension", type: .dynamic, targets: ["CairnExtension"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto", "3.12.3"..<"5.0.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swhitty/FlyingFox", from: "0.27.1"),
    ] + documentation,
    targets: [
        .systemLibrary(name: "CHDF5", pkgConfig: "hdf5", providers: [.apt(["libhdf5-dev"])]),
        .systemLibrary(name: "CFFTW", pkgConfig: "fftw3", providers: [.apt(["libfftw3-dev"])]),
        .systemLibrary(
            name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
        .systemLibrary(
            name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        // Compressed .npz and .pth files are deflated: a second inflater would only be a worse one.
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

        .target(
            name: "HDF5Files", dependencies: ["CHDF5"],
            swiftSettings: strict + [.strictMemorySafety()]),
        .target(name: "VectorMath", swiftSettings: numerical),
        .target(name: "VectorKernels", dependencies: ["VectorMath"], swiftSettings: numerical),
        .target(name: "WideVectorKernels", dependencies: ["VectorMath"], swiftSettings: wide),
        .target(
            name: "ArrayMath",
            dependencies: [
                "CFFTW", "COpenBLAS", "VectorMath", "VectorKernels", "WideVectorKernels",
            ], swiftSettings: numerical,
            linkerSettings: [.linkedLibrary("fftw3f")]),
        .target(
            name: "Checkpoints",
            dependencies: [.product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: strict),
        .target(name: "SystemFiles", dependencies: ["Checkpoints"], swiftSettings: strict),
        .target(
            name: "Networks", dependencies: ["ArrayMath", "Checkpoints", "VectorMath"],
            swiftSettings: numerical),
        .target(
            name: "Training",
            dependencies: [
                "Networks", "ArrayMath", "Checkpoints", "VectorMath",
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: numerical),
        .target(
            name: "Analysis",
            dependencies: ["Networks", "ArrayMath", "Checkpoints", "VectorMath"],
            swiftSettings: numerical),
        .target(name: "Figures", swiftSettings: numerical),
        .target(
            name: "ArchiveSchema",
            resources: [.embedInCode("schema"), .embedInCode("queries")], swiftSettings: strict),
        .target(
            name: "CheckpointArchive",
            dependencies: [
                "CSQLite", "HDF5Files", "SystemFiles", "Checkpoints", "ArchiveSchema",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ], swiftSettings: numerical),
        .target(
            name: "Interchange",
            dependencies: [
                "CZlib", "HDF5Files", "SystemFiles", "Networks", "ArrayMath", "Checkpoints",
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: numerical),
        .target(
            name: "ArchiveQueries",
            dependencies: [
                "CSQLite", "CheckpointArchive", "Analysis", "ArchiveSchema", "ArrayMath",
                "Checkpoints", "Networks", "SystemFiles", "Training",
                .product(name: "GRDB", package: "GRDB.swift"),
            ], swiftSettings: strict),
        // What other Swift programs import: nothing of GRDB or HDF5 is visible through it.
        .target(
            name: "CairnArchive",
            dependencies: ["ArchiveQueries", "CheckpointArchive", "Checkpoints"],
            swiftSettings: strict),
        .target(
            name: "Page",
            dependencies: [
                "Figures", "ArchiveQueries", "ArchiveSchema", "Checkpoints", "CheckpointArchive",
                .product(name: "FlyingFox", package: "FlyingFox"),
                .product(name: "FlyingSocks", package: "FlyingFox"),
            ], resources: [.embedInCode("Web")], swiftSettings: strict),
        .target(
            name: "Benchmarks",
            dependencies: [
                "CSQLite", "Analysis", "ArchiveQueries", "ArrayMath", "CheckpointArchive",
                "Checkpoints", "Figures", "Networks", "Page", "SystemFiles", "Training",
                .product(name: "GRDB", package: "GRDB.swift"),
            ], swiftSettings: strict),
        .target(
            name: "CairnExtension",
            dependencies: ["CSQLite", "ArchiveQueries", "CheckpointArchive", "Checkpoints"],
            swiftSettings: strict,
            // A program that fails to load the extension unloads it, and the Swift runtime in it cannot be
            // begun twice.
            linkerSettings: [
                .unsafeFlags(
                    ["-Xlinker", "-z", "-Xlinker", "nodelete"], .when(platforms: [.linux]))
            ]),
        .executableTarget(
            name: "cairn",
            dependencies: [
                "ArrayMath", "Checkpoints", "SystemFiles", "Networks", "Training", "Analysis",
                "CheckpointArchive", "Interchange", "ArchiveQueries", "ArchiveSchema", "Figures",
                "Page", "Benchmarks",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Yams", package: "Yams"),
            ], resources: [.embedInCode("Client/cairn.py"), .embedInCode("Guides")],
            swiftSettings: strict),

        .target(
            name: "TestSupport", dependencies: ["Checkpoints"], path: "Tests/TestSupport",
            swiftSettings: strict),
        .executableTarget(
            name: "ArchiveHarness",
            dependencies: [
                "ArchiveQueries", "Benchmarks", "CheckpointArchive", "Checkpoints", "TestSupport",
                "Training",
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            path: "Tests/ArchiveHarness", swiftSettings: numerical),
        // The source of the package `Tests/LibraryExample`, built here too, because building that
        // package builds everything once more.
        .executableTarget(
            name: "LibraryExample", dependencies: ["CairnArchive"],
            path: "Tests/LibraryExample/Sources/LibraryExample", swiftSettings: strict),
        .testTarget(
            name: "CairnArchiveTests",
            dependencies: [
                "ArchiveHarness", "CairnArchive", "Checkpoints", "LibraryExample", "TestSupport",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ArrayMathTests",
            dependencies: [
                "ArrayMath", "VectorKernels", "VectorMath", "WideVectorKernels", "TestSupport",
            ],
            swiftSettings: strict),
        .testTarget(
            name: "FiguresTests", dependencies: ["Figures", "TestSupport"], exclude: ["Golden"],
            swiftSettings: strict),
        .testTarget(
            name: "PageTests",
            dependencies: [
                "Page", "CheckpointArchive", "Checkpoints", "TestSupport",
                .product(name: "FlyingFox", package: "FlyingFox"),
            ], exclude: ["Fixtures"], swiftSettings: strict),
        .testTarget(
            name: "CheckpointsTests",
            dependencies: ["Checkpoints", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "SystemFilesTests",
            dependencies: ["SystemFiles", "Checkpoints", "TestSupport"], swiftSettings: strict),
        .testTarget(
            name: "HDF5FilesTests",
            dependencies: ["HDF5Files", "TestSupport"],
            swiftSettings: strict),
        .testTarget(
            name: "NetworksTests",
            dependencies: [
                "Networks", "ArrayMath", "Checkpoints", "VectorMath", "TestSupport",
            ],
            exclude: ["Fixtures"], swiftSettings: strict),
        .testTarget(
            name: "TrainingTests",
            dependencies: [
                "Training", "Networks", "ArrayMath", "Checkpoints", "TestSupport", "ArchiveHarness",
            ],
            exclude: ["Fixtures"], swiftSettings: strict),
        .testTarget(
            name: "AnalysisTests",
            dependencies: [
                "Analysis", "Networks", "ArrayMath", "Checkpoints", "Interchange", "TestSupport",
            ],
            exclude: ["Fixtures"], swiftSettings: strict),
        .testTarget(
            name: "CheckpointArchiveTests",
            dependencies: [
                "ArchiveHarness", "CHDF5", "CheckpointArchive", "HDF5Files", "SystemFiles",
                "Checkpoints",
                .product(name: "GRDB", package: "GRDB.swift"), "TestSupport",
            ],
            exclude: ["Fixtures"],
            swiftSettings: strict),
        .testTarget(
            name: "InterchangeTests",
            dependencies: ["Interchange", "Networks", "ArrayMath", "Checkpoints", "TestSupport"],
            exclude: ["Fixtures"],
            swiftSettings: strict),
        .testTarget(
            name: "ArchiveQueriesTests",
            dependencies: [
                "ArchiveQueries", "ArchiveSchema", "CheckpointArchive", "Analysis", "ArrayMath",
                "Figures", "Networks", "Page", "Checkpoints",
                .product(name: "GRDB", package: "GRDB.swift"), "TestSupport",
            ],
            exclude: ["Answers", "Pictures"], swiftSettings: strict),
        .testTarget(
            name: "CommandLineTests",
            dependencies: [
                "ArchiveHarness", "Checkpoints", "cairn", "TestSupport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            exclude: ["Examples"],
            swiftSettings: strict),
        .testTarget(
            name: "FaultTests",
            dependencies: [
                "ArchiveHarness", "CheckpointArchive", "Checkpoints", "cairn", "TestSupport",
            ],
            exclude: ["Preloaded"], swiftSettings: strict),
        .testTarget(
            name: "BenchmarksTests",
            dependencies: [
                "Benchmarks", "ArchiveQueries", "CheckpointArchive", "Checkpoints", "TestSupport",
                "Training",
            ], swiftSettings: strict),
        .testTarget(
            name: "ConventionTests",
            dependencies: ["TestSupport"],
            swiftSettings: strict),
    ]
)
