// The HDF5Files module.
