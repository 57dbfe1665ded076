import Checkpoints
import Testing

@Suite("Near names")
struct NearNamesTests {
    @Test(
        "the nearest come first",
        arguments: [
            ("wieght_decay", ["weight_decay"]), ("MODULUS", ["modulus"]), ("mod", ["modulus"]),
            ("seeed", ["seed"]), ("nothing_like_it", []),
        ] as [(String, [String])])
    func nearest(wanted: String, expected: [String]) {
        let names = ["weight_decay", "modulus", "seed", "data_seed"]
        #expect(NearNames.nearest(to: wanted, in: names) == expected)
    }
}
