"""Lossless compression of the weights of a packed run, by h5py, NumPy and zstandard.

    python measure_compression.py ARCHIVE/runs/RUN-ID [CHECKPOINTS]

Prints, for the first so many checkpoints (200), each method's share of the raw size, and the MB/s
of one thread that compresses and that gets the weights back. Every method is undone and compared.
"""

import sys
import time
import zlib

import h5py
import numpy
import zstandard

LEVEL = 3


def weights(path, count):
    """[checkpoints, parameters] float32, the tensors of a checkpoint one after the other."""
    with h5py.File(path + "/packed.h5") as file:
        group = file["weights"]
        parts = [group[name][:count].reshape(min(count, len(file["steps"])), -1) for name in group]
    return numpy.ascontiguousarray(numpy.concatenate(parts, axis=1))


def ordered(values):
    """The bits of floats as unsigned integers in the order of the floats."""
    bits = values.view(numpy.uint32)
    return numpy.where(bits >> 31, ~bits, bits | 0x80000000).astype(numpy.uint32)


def unordered(integers):
    bits = numpy.where(integers >> 31, integers & 0x7FFFFFFF, ~integers).astype(numpy.uint32)
    return bits.view(numpy.float32)


def zigzag(differences):
    """Small negative numbers become small positive ones."""
    signed = differences.view(numpy.int32)
    return ((signed << 1) ^ (signed >> 31)).view(numpy.uint32)


def unzigzag(codes):
    return (codes >> 1) ^ (0 - (codes & 1)).astype(numpy.uint32)


def shuffle(words):
    """First byte of every word, then the second, …."""
    return numpy.ascontiguousarray(words.view(numpy.uint8).reshape(-1, 4).T).tobytes()


def unshuffle(data):
    planes = numpy.frombuffer(data, numpy.uint8).reshape(4, -1)
    return numpy.ascontiguousarray(planes.T).reshape(-1).view(numpy.uint32)


def bitshuffle(words):
    """First bit of every word, then the second, …."""
    rows = words.astype(">u4").view(numpy.uint8).reshape(-1, 4)
    return numpy.packbits(numpy.unpackbits(rows, axis=1).T).tobytes()


def bitunshuffle(data, count):
    # Each plane has as many bits as there are words, without padding between the planes.
    bits = numpy.unpackbits(numpy.frombuffer(data, numpy.uint8), count=32 * count)
    rows = numpy.packbits(bits.reshape(32, count).T, axis=1)
    return numpy.ascontiguousarray(rows).reshape(-1).view(">u4").astype(numpy.uint32)


def deflate(data):
    return zlib.compress(data, 4)


compress = zstandard.ZstdCompressor(level=LEVEL).compress
decompress = zstandard.ZstdDecompressor().decompress


class Plain:
    name = "as it is"

    def encode(self, values, earlier):
        return values.tobytes()

    def decode(self, data, earlier):
        return numpy.frombuffer(data, numpy.float32)


class Deflate(Plain):
    name = "deflate"

    def encode(self, values, earlier):
        return deflate(values.tobytes())

    def decode(self, data, earlier):
        return numpy.frombuffer(zlib.decompress(data), numpy.float32)


class ShuffleDeflate(Plain):
    name = "shuffle, deflate (--compression deflate)"

    def encode(self, values, earlier):
        return deflate(shuffle(values.view(numpy.uint32)))

    def decode(self, data, earlier):
        return unshuffle(zlib.decompress(data)).view(numpy.float32)


class ExclusiveOr(Plain):
    name = "exclusive or with the checkpoint before, shuffle, zstd"

    def encode(self, values, earlier):
        words = values.view(numpy.uint32)
        return compress(shuffle(words ^ earlier[-1].view(numpy.uint32) if earlier else words))

    def decode(self, data, earlier):
        words = unshuffle(decompress(data))
        words = words ^ earlier[-1].view(numpy.uint32) if earlier else words
        return words.view(numpy.float32)


class Difference(Plain):
    name = "difference to the checkpoint before as ordered integers, shuffle, zstd"
    transposed = staticmethod(shuffle)

    def predicted(self, earlier):
        return ordered(earlier[-1]) if earlier else numpy.uint32(0)

    def encode(self, values, earlier):
        return compress(self.transposed(zigzag(ordered(values) - self.predicted(earlier))))

    def transposedBack(self, data, count):
        return unshuffle(data)

    def decode(self, data, earlier):
        count = self.count
        words = self.transposedBack(decompress(data), count)
        return unordered(unzigzag(words) + self.predicted(earlier))


class Prediction(Difference):
    name = "difference to the line through the two before, bitshuffle, zstd"
    transposed = staticmethod(bitshuffle)

    def predicted(self, earlier):
        if len(earlier) < 2:
            return super().predicted(earlier)
        return ordered(2 * earlier[-1] - earlier[-2])

    def transposedBack(self, data, count):
        return bitunshuffle(data, count)


def main():
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    rows = weights(sys.argv[1], count)
    raw = rows.nbytes
    print(f"{len(rows)} checkpoints of {rows.shape[1]} parameters, {raw / 1e6:.0f} MB; zstd level "
          f"{LEVEL}, deflate level 4")
    for kind in [Plain, Deflate, ShuffleDeflate, ExclusiveOr, Difference, Prediction]:
        method = kind()
        method.count = rows.shape[1]
        stored = 0
        seconds = [0.0, 0.0]
        for index, values in enumerate(rows):
            earlier = list(rows[max(0, index - 2):index])
            start = time.perf_counter()
            data = method.encode(values, earlier)
            middle = time.perf_counter()
            back = method.decode(data, earlier)
            seconds[0] += middle - start
            seconds[1] += time.perf_counter() - middle
            stored += len(data)
            assert back.tobytes() == values.tobytes(), f"{kind.name}: not the same bits"
        speeds = [raw / 1e6 / each for each in seconds]
        print(f"{stored / raw:.3f}  {speeds[0]:5.0f} MB/s  {speeds[1]:5.0f} MB/s back  {kind.name}")


if __name__ == "__main__":
    main()
