// The Analysis module.
