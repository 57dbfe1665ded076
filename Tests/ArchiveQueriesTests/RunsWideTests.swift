import ArchiveQueries
import ArchiveSchema
import Foundation
import GRDB
import TestSupport
import Testing

struct RunsWideTests {
    @Test func oneColumnForEachNameOfTheArchive() throws {
        let database = try DatabaseQueue()
        try database.write { connection in
            for migration in ArchiveSchema.migrations { try connection.execute(sql: migration.sql) }
            try connection.execute(
                sql: """
                    INSERT INTO run (run_key, id, name, status, task, network, created_at) VALUES
                        (1, 'a', 'first', 'finished', '', '', 0),
                        (2, 'b', 'second', 'finished', '', '', 0);
                    INSERT INTO hyperparameter VALUES
                        (1, 'weight_decay', 0, 'real', 0.5), (2, 'weight_decay', 0, 'real', 1.0),
                        (1, 'seed', 1, 'integer', 7), (1, 'o''dd "name" é', 2, 'text', 'x''y'),
                        (1, 'WEIGHT_DECAY', 3, 'real', 3.0);
                    INSERT INTO metric_name VALUES (1, 'test_accuracy');
                    INSERT INTO metric_summary VALUES (2, 1, 1, 0, 10, 0.25, 0.25, 0.25);
                    """)
            let statement = RunsWide.statement(
                runColumns: try String.fetchAll(connection, sql: RunsWide.runColumnsQuery),
                hyperparameters: try String.fetchAll(
                    connection, sql: RunsWide.hyperparametersQuery),
                metrics: try String.fetchAll(connection, sql: RunsWide.metricsQuery),
                isTemporary: true)
            try connection.execute(sql: statement)
            let rows = try Row.fetchAll(
                connection,
                sql: """
                    SELECT name, seed, weight_decay, hyperparameter_seed, "o'dd ""name"" é",
                        hyperparameter_WEIGHT_DECAY, last_test_accuracy
                    FROM runs_wide ORDER BY run
                    """)
            let first: [DatabaseValue] = [
                "first".databaseValue, .null, 0.5.databaseValue, 7.databaseValue,
                "x'y".databaseValue, 3.0.databaseValue, .null,
            ]
            let second: [DatabaseValue] = [
                "second".databaseValue, .null, 1.0.databaseValue, .null, .null, .null,
                0.25.databaseValue,
            ]
            #expect(Array(rows[0].databaseValues) == first)
            #expect(Array(rows[1].databaseValues) == second)
        }
    }
}
