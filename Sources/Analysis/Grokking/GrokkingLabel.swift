/// What kind of learning a run shows; the first rule that matches wins.
///
/// A rule that needs the accuracy of a guess where that is unknown, and cannot be decided for every
/// possible one, gives no label.
package enum GrokkingLabel: String, Sendable, Codable, CaseIterable {
    /// A loss or an accuracy ends in NaN, or a loss in infinity.
    case diverged
    /// Training never stays at or above the threshold.
    case noFit = "no_fit"
    /// Generalised and lost it: the final test accuracy is below the threshold − 0.1, be it at chance
    /// again.
    case collapsed
    /// At least two re-crossings, and no stable time or one that leaves fewer evaluations behind it
    /// than lie between it and the first sustained crossing.
    case unstable
    /// Never generalised, and the final test accuracy is below chance + 0.05.
    case memorisedOnly = "memorised_only"
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
