extension Duration {
    /// The span as a number of seconds.
    package var seconds: Double { self / .seconds(1) }
}
