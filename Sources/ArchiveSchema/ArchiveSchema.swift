// The ArchiveSchema module.
