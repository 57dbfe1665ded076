#include <zlib.h>
/// `inflateInit2` is a macro that passes the version and the size of the stream, so Swift cannot
/// import it. The negative window says that the data has no zlib header, as in zip archives.
static inline int zlib_begin_raw_inflate(z_stream *stream) {
    return inflateInit2(stream, -MAX_WBITS);
}
