internal import COpenBLAS

/// Which numerical libraries and which kernels of them compute here.
package enum MathLibraries {
    /// By name: the build of OpenBLAS, the processor family whose kernels it chose, and what makes a
    /// network's matrix products (other kernels round differently).
    package static let versions: [String: String] = [
        "openblas": text(openblas_get_config()), "openblas_kernels": text(openblas_get_corename()),
        "network_products": multipliesInPanels ? "cairn" : "openblas",
    ]

    private static func text(_ characters: UnsafePointer<CChar>?) -> String {
        characters.map { String(cString: $0).split(separator: " ").joined(separator: " ") } ?? ""
    }
}
