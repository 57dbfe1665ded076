#include <hdf5.h>

// Swift imports neither macros that call a function nor the mutable globals behind the type and
// property list names, so each gets one function here.

/// `H5F_ACC_RDONLY` and its kin are macros that call a library function.
static inline unsigned hdf5_open_read_only(void) { return H5F_ACC_RDONLY; }
static inline unsigned hdf5_create_exclusively(void) { return H5F_ACC_EXCL; }

/// `H5P_…` classes are a library call followed by a mutable global.
static inline hid_t hdf5_file_creation(void) { return H5P_FILE_CREATE; }
static inline hid_t hdf5_file_access(void) { return H5P_FILE_ACCESS; }
static inline hid_t hdf5_group_creation(void) { return H5P_GROUP_CREATE; }
static inline hid_t hdf5_dataset_creation(void) { return H5P_DATASET_CREATE; }
static inline hid_t hdf5_link_creation(void) { return H5P_LINK_CREATE; }

/// The standard types are a library call followed by a mutable global.
static inline hid_t hdf5_int8(void) { return H5T_STD_I8LE; }
static inline hid_t hdf5_int16(void) { return H5T_STD_I16LE; }
static inline hid_t hdf5_int32(void) { return H5T_STD_I32LE; }
static inline hid_t hdf5_int64(void) { return H5T_STD_I64LE; }
static inline hid_t hdf5_uint8(void) { return H5T_STD_U8LE; }
static inline hid_t hdf5_uint16(void) { return H5T_STD_U16LE; }
static inline hid_t hdf5_uint32(void) { return H5T_STD_U32LE; }
static inline hid_t hdf5_uint64(void) { return H5T_STD_U64LE; }
static inline hid_t hdf5_float32(void) { return H5T_IEEE_F32LE; }
static inline hid_t hdf5_float64(void) { return H5T_IEEE_F64LE; }
static inline hid_t hdf5_c_string(void) { return H5T_C_S1; }

/// `H5T_VARIABLE`, `H5S_UNLIMITED` and `HADDR_UNDEF` are casts that are not imported.
static inline size_t hdf5_variable_length(void) { return H5T_VARIABLE; }
static inline haddr_t hdf5_undefined_address(void) { return HADDR_UNDEF; }

/// Major and minor error numbers are a library call followed by a mutable global.
static inline hid_t hdf5_major_io(void) { return H5E_IO; }
static inline hid_t hdf5_major_file(void) { return H5E_FILE; }
static inline hid_t hdf5_major_virtual_file(void) { return H5E_VFL; }
static inline hid_t hdf5_minor_write(void) { return H5E_WRITEERROR; }
static inline hid_t hdf5_minor_read(void) { return H5E_READERROR; }
static inline hid_t hdf5_minor_open(void) { return H5E_CANTOPENFILE; }
static inline hid_t hdf5_minor_close(void) { return H5E_CANTCLOSEFILE; }
static inline hid_t hdf5_minor_seek(void) { return H5E_SEEKERROR; }
