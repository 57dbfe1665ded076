// The ArchiveQueries module.
