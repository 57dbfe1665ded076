internal import COpenBLAS

/// Which numerical libraries and which kernels of them compute here.
package enum MathLibraries {
    /// By name: the build of OpenBLAS, and the processor family whose kernels it chose (other
    /// kernels round differently).
    package static let versions: [String: String] = [
        "openblas": text(openblas_get_config()), "openblas_kernels": text(openblas_get_corename()),
    ]

    private static func text(_ characters: UnsafePointer<CChar>?) -> String {
        characters.map { String(cString: $0).split(separator: " ").joined(separator: " ") } ?? ""
    }
}
