// swift-tools-version: 6.2
import PackageDescription

/// A program of somebody else's that reads an archive: `swift run LibraryExample ARCHIVE RUN`.
let package = Package(
    name: "LibraryExample",
    dependencies: [.package(name: "cairn", path: "../..")],
    targets: [
        .executableTarget(
            name: "LibraryExample",
            dependencies: [.product(name: "CairnArchive", package: "cairn")])
    ]
)
