// The CheckpointArchive module.
