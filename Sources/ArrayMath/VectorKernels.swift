internal import Foundation
internal import VectorKernels
package import VectorMath
internal import WideVectorKernels

/// The vector loops for this machine's processor.
package let vectorKernels: any VectorKernelSet.Type =
    hasWideVectors ? WideVectorKernels.Kernels.self : VectorKernels.Kernels.self

/// True where the processor and the system have AVX2, the instructions of `WideVectorKernels`.
private let hasWideVectors: Bool = {
    #if arch(x86_64) && os(Linux)
    guard let file = FileHandle(forReadingAtPath: "/proc/cpuinfo") else { return false }
    // The flags of the first processor stand in its first lines; many processors' take long to list.
    let text = String(decoding: file.readData(ofLength: 8192), as: UTF8.self)
    let flags = text.split(separator: "\n").first { $0.hasPrefix("flags") } ?? ""
    return flags.split(separator: " ").contains("avx2")
    #else
    return false
    #endif
}()
