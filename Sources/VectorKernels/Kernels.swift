internal import VectorMath

/// The vector loops, compiled for the processor that this module is compiled for.
package enum Kernels: VectorKernelSet {}
