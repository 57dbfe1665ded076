/// What the loss of one tile adds up to.
package struct LossSum {
    /// Sum of the cross-entropies of all answers.
    package var loss: Double = 0
    /// Examples with every answer right.
    package var rightExamples = 0

    package init() {}
}
