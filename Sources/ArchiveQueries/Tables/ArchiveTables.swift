internal import Analysis
internal import Checkpoints

/// The table-valued functions over an archive.
struct ArchiveTables {
    let reader: WeightReader
    let memory: ResultMemory

    var all: [TableFunction] {
        [tensorValues, trajectory, fourier, singularValues, hessian, grokking, seedBands]
    }

    private func tensor(_ arguments: FunctionArguments) throws -> WeightReader.CachedTensor? {
        try reader.tensor(
            try arguments.text(0, "run"), try arguments.integer(1, "step"),
            try arguments.text(2, "tensor"))
    }

    private var tensorValues: TableFunction {
        TableFunction(
            FunctionCatalogue.tensorValues, columns: [("position", "TEXT"), ("value", "REAL")],
            estimatedRows: 10_000
        ) { arguments in
            guard let tensor = try tensor(arguments), let values = tensor.doubles else {
                return .none
            }
            let shape = tensor.tensor.shape
            return TableRows(count: values.count) { row, column in
                column == 0
                    ? .text(ElementIndex.position(of: row, in: shape)) : .real(values[row])
            }
        }
    }

    private var trajectory: TableFunction {
        TableFunction(
            FunctionCatalogue.trajectory, columns: [("step", "INTEGER"), ("value", "REAL")],
            estimatedRows: 1_000
        ) { arguments in
            let run = try arguments.text(0, "run")
            let name = try arguments.text(1, "tensor")
            let steps = try reader.steps(of: run)
            // Rows are read as they are asked for, so the first comes before the last is read.
            guard let step = steps.first, let first = try reader.tensor(run, step, name),
                let offset = try ElementIndex.offset(
                    of: arguments, from: 2, in: first.tensor.shape)
            else { return .none }
            return TableRows(count: steps.count) { row, column in
                if column == 0 { return .integer(steps[row]) }
                let values = try reader.tensor(run, steps[row], name)?.doubles
                return values.map { .real($0[offset]) } ?? .null
            }
        }
    }

    private var fourier: TableFunction {
        TableFunction(
            FunctionCatalogue.fourier,
            columns: [
                ("basis", "TEXT"), ("frequency", "INTEGER"), ("power", "REAL"), ("share", "REAL"),
                ("component", "TEXT"), ("dimension", "INTEGER"),
            ], estimatedRows: 60
        ) { arguments in
            guard let tensor = try tensor(arguments)?.tensor, !tensor.shape.isEmpty,
                tensor.elementCount > 0, ![.complex64, .complex128].contains(tensor.elementType)
            else { return .none }
            let tokens = TokenAxis.of(tensor)
            let axis =
                arguments.values.count > 3 ? try arguments.integer(3, "axis") : tokens ?? 0
            let run = try arguments.text(0, "run")
            let rows =
                axis == tokens
                ? try FourierAnalysis.spectrum(
                    of: tensor, axis: axis, model: try reader.model(of: run),
                    grid: try reader.grid(of: run))
                : try FourierAnalysis.spectrum(of: tensor, axis: axis, operands: nil)
            return TableRows(count: rows.count) { row, column in
                switch column {
                case 0: .text(rows[row].basis)
                case 1: .integer(rows[row].frequency)
                case 2: .real(rows[row].power)
                case 3: rows[row].share.map { .real($0) } ?? .null
                case 4: rows[row].component.map { .text($0) } ?? .null
                default: rows[row].dimension.map { .integer($0) } ?? .null
                }
            }
        }
    }

    private var singularValues: TableFunction {
        TableFunction(
            FunctionCatalogue.singularValues, columns: [("rank", "INTEGER"), ("value", "REAL")],
            estimatedRows: 128
        ) { arguments in
            guard let tensor = try tensor(arguments), let values = tensor.doubles else {
                return .none
            }
            let spectrum = singularValueSpectrum(values, shape: tensor.tensor.shape)
            return TableRows(count: spectrum.count) { row, column in
                column == 0 ? .integer(row + 1) : .real(spectrum[row])
            }
        }
    }

    private var hessian: TableFunction {
        TableFunction(
            FunctionCatalogue.hessian,
            columns: [
                ("rank", "INTEGER"), ("eigenvalue", "REAL"), ("residual", "REAL"),
                ("converged", "INTEGER"),
            ], estimatedRows: 5
        ) { arguments in
            let count = try arguments.integer(2, "k")
            guard count > 0 else {
                throw UserError.usage(subject: "hessian", cause: "k is \(count), less than 1")
            }
            let rows = try memory.eigenvalues(
                of: try arguments.text(0, "run"), step: try arguments.integer(1, "step"),
                count: count)
            return TableRows(count: rows.count) { row, column in
                switch column {
                case 0: .integer(rows[row].rank)
                case 1: .real(rows[row].eigenvalue)
                case 2: .real(rows[row].residual)
                default: .integer(rows[row].converged ? 1 : 0)
                }
            }
        }
    }

    private var grokking: TableFunction {
        TableFunction(
            FunctionCatalogue.grokking, columns: GrokkingColumns.all.map { ($0.name, $0.type) },
            estimatedRows: 6
        ) { arguments in
            let rows = try memory.grokkingRows(of: try arguments.text(0, "run"))
            return TableRows(count: rows.count) { row, column in
                GrokkingColumns.all[column].value(rows[row])
            }
        }
    }

    private var seedBands: TableFunction {
        TableFunction(
            FunctionCatalogue.seedBand,
            columns: [
                ("step", "REAL"), ("runs", "INTEGER"), ("low", "REAL"), ("middle", "REAL"),
                ("high", "REAL"),
            ], estimatedRows: 200
        ) { arguments in
            let metric = try arguments.text(0, "metric")
            let level = arguments.values.count > 3 ? try arguments.real(3, "aligned") : nil
            let curves = try memory.curves(
                named: metric, setting: try arguments.text(1, "setting"),
                value: arguments.values[2])
            let origins = level.map { level in
                curves.map { $0.crossings(of: level).sustained.step }
            }
            let band = seedBand(of: curves, alignedAt: origins)
            return TableRows(count: band.positions.count) { row, column in
                switch column {
                case 0: .real(band.positions[row])
                case 1: .integer(band.counts[row])
                case 2: .real(band.low[row])
                case 3: .real(band.median[row])
                default: .real(band.high[row])
                }
            }
        }
    }
}
