import Checkpoints
import Networks
import TestSupport
import Testing

@Suite struct FiniteGroupTests {
    @Test(arguments: [
        "C1", "C7", "C12", "D3", "D8", "S1", "S4", "S5", "A4", "A5", "C2xC3", "S3xC4",
    ])
    func groupLawsHold(name: String) throws {
        let group = try FiniteGroup(named: name)
        var generator = SeededGenerator(seed: 1)
        for element in 0..<group.order {
            #expect(group.product(element, group.identity) == element)
            #expect(group.product(group.identity, element) == element)
            #expect(group.product(element, group.inverses[element]) == group.identity)
        }
        for _ in 0..<200 {
            let (a, b, c) = (
                Int.random(in: 0..<group.order, using: &generator),
                Int.random(in: 0..<group.order, using: &generator),
                Int.random(in: 0..<group.order, using: &generator)
            )
            #expect(
                group.product(group.product(a, b), c) == group.product(a, group.product(b, c)))
        }
    }

    @Test(arguments: [
        ("C6", 6, 6), ("D5", 10, 4), ("D6", 12, 6), ("S4", 24, 5), ("S5", 120, 7), ("A5", 60, 5),
        ("S6", 720, 11), ("C2xS3", 12, 6),
    ])
    func ordersAndClassesAreKnown(name: String, order: Int, classCount: Int) throws {
        let group = try FiniteGroup(named: name)
        #expect(group.order == order)
        let classes = group.conjugacyClasses
        #expect(classes.count == classCount)
        #expect(classes.flatMap { $0 }.sorted() == Array(0..<order))
    }

    @Test(arguments: ["S5", "A5", "S6"]) func publishedOrdersAreOrdersOfTheSameGroup(
        name: String
    )
        throws
    {
        let published = try FiniteGroup(named: name, elementOrder: .published)
        let plain = try FiniteGroup(named: name)
        #expect(published.order == plain.order)
        #expect(Set(published.permutations) == Set(plain.permutations))
        #expect(published.permutations[published.identity] == plain.permutations[0])
        #expect(published.permutations[1] != plain.permutations[1])
    }

    /// Every thirtieth element, where k0 and k1 are 0 and 1: the order of u2 and u3 alone.
    @Test func publishedOrderOfSixPointsIsThatOfTheRuns() throws {
        let group = try FiniteGroup(named: "S6", elementOrder: .published)
        let forms = stride(from: 0, to: 240, by: 30).map {
            group.permutations[$0].map(String.init).joined()
        }
        #expect(
            forms == [
                "013524", "012534", "012345", "012354", "015423", "015432", "013542", "013452",
            ])
    }

    @Test func permutationsActFromLeftToRight() throws {
        let group = try FiniteGroup(named: "S5")
        let (a, b) = (17, 101)
        let product = group.permutations[group.product(a, b)]
        #expect(product == group.permutations[a].map { group.permutations[b][$0] })
        #expect(group.permutations[0] == [0, 1, 2, 3, 4])
        #expect(group.permutations[1] == [0, 1, 2, 4, 3])
    }

    @Test func dihedralElementsAreRotationsThenReflections() throws {
        let group = try FiniteGroup(named: "D59")
        #expect(group.product(3, 58) == 2)
        #expect(group.product(59, 1) == 59 + 58)
        #expect(group.product(59, 59) == 0)
        #expect(group.elementOrder(1) == 59)
        #expect(group.elementOrder(60) == 2)
    }

    @Test(arguments: ["Q8", "", "S", "C0", "S9", "C-3", "x", "C2x", "C2000", "D99999999999999999"])
    func unknownGroupsAreRefused(name: String) {
        #expect(throws: UserError.self) { try FiniteGroup(named: name) }
    }

    @Test func aGroupWithoutAPublishedOrderSaysSo() {
        #expect(throws: UserError.self) {
            try FiniteGroup(named: "S4", elementOrder: .published)
        }
    }
}
