internal import Analysis
internal import Checkpoints

/// The columns of `grokking(run)`, named as in `grokking_times`.
struct GrokkingColumns {
    let name: String
    let type: String
    let value: (GrokkingRow) -> ScalarValue

    static var all: [GrokkingColumns] {
        func real(_ name: String, _ body: @escaping (GrokkingRow) -> Double?) -> GrokkingColumns {
            GrokkingColumns(name: name, type: "REAL") { body($0).map { .real($0) } ?? .null }
        }
        func integer(_ name: String, _ body: @escaping (GrokkingRow) -> Int?) -> GrokkingColumns {
            GrokkingColumns(name: name, type: "INTEGER") {
                body($0).map { .integer($0) } ?? .null
            }
        }
        func text(_ name: String, _ body: @escaping (GrokkingRow) -> String?) -> GrokkingColumns {
            GrokkingColumns(name: name, type: "TEXT") { body($0).map { .text($0) } ?? .null }
        }
        return [
            text("metric") { $0.metric }, real("threshold") { $0.threshold },
            integer("memorisation_step") { $0.memorisation.step },
            integer("generalisation_step") { $0.generalisation.step }, integer("gap") { $0.gap },
            real("midpoint_step") { $0.fit?.midpointStep },
            real("steepness") { $0.steepness }, real("width_decades") { $0.analysis?.widthDecades },
            real("chance") { $0.chance }, text("label") { $0.analysis?.labelText },
            text("rule") { $0.rule },
            integer("memorisation_before") { $0.memorisation.lastBefore },
            integer("generalisation_before") { $0.generalisation.lastBefore },
            real("midpoint_low") { $0.interval?.midpointStep.lowerBound },
            real("midpoint_high") { $0.interval?.midpointStep.upperBound },
            real("lower_plateau") { $0.plateaus?.lower },
            real("upper_plateau") { $0.plateaus?.upper },
            real("step_10") { $0.fit?.tenPercentStep },
            real("step_90") { $0.fit?.ninetyPercentStep },
            real("rmse") { $0.fit?.rmse }, real("r_squared") { $0.fit?.rSquared },
            text("fit") { $0.fitText },
            integer("recrossing_count") { $0.analysis?.recrossingCount },
            text("time_scale") { $0.timeScale }, real("spacing") { $0.interval?.spacing },
            integer("finer_than_data") { $0.interval.map { $0.isFinerThanData ? 1 : 0 } },
        ]
    }
}
