/// What kind of learning a run shows; the first rule that matches wins.
package enum GrokkingLabel: String, Sendable, Codable, CaseIterable {
    /// Training never stays at or above the threshold.
    case noFit = "no_fit"
    /// The final test accuracy is below chance + 0.05.
    case memorisedOnly = "memorised_only"
    /// Generalised and lost it: the final test accuracy is below the threshold − 0.1.
    case collapsed
    /// At least two re-crossings and no stable time.
    case unstable
    /// Above chance and rising, the threshold not sustained by the end.
    case incomplete
    /// As `incomplete`, but flat.
    case partial
    /// Generalisation takes less than twice as long as memorisation.
    case concurrent
    /// Between `concurrent` and `grokked`.
    case delayed
    /// At least ten times as long, a plateau at chance, a rise within half a decade.
    case grokked
}
