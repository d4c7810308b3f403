"""The same job in PyFlink: a pandas function that predicts with LightGBM, tuned.

    python pyflink_baseline.py MODEL DATA

Local mini-cluster, batch mode, blackhole sink, Arrow batches and bundles of 10,000 rows, one
LightGBM thread, default parallelism 1 as PyFlink users run it.
"""

import sys

import lightgbm
import pandas
from pyflink.table import DataTypes, EnvironmentSettings, TableEnvironment
from pyflink.table.udf import ScalarFunction, udf

FEATURES = [f"f{number}" for number in range(1, 29)]


class Predict(ScalarFunction):
    def __init__(self, model: str) -> None:
        self.model = model

    def open(self, function_context) -> None:
        self.booster = lightgbm.Booster(model_file=self.model)

    def eval(self, *columns):
        features = pandas.concat(columns, axis=1).to_numpy()
        return pandas.Series(self.booster.predict(features, num_threads=1))


def main() -> None:
    model, data = sys.argv[1], sys.argv[2]
    environment = TableEnvironment.create(EnvironmentSettings.in_batch_mode())
    settings = environment.get_config()
    settings.set("parallelism.default", "1")
    settings.set("python.executable", sys.executable)
    settings.set("python.fn-execution.bundle.size", "10000")
    settings.set("python.fn-execution.arrow.batch.size", "10000")
    environment.create_temporary_function(
        "predict", udf(Predict(model), result_type=DataTypes.DOUBLE(), func_type="pandas")
    )
    columns = ", ".join(f"{name} DOUBLE" for name in FEATURES)
    environment.execute_sql(
        f"""CREATE TABLE source (label INT, {columns}) WITH (
            'connector' = 'filesystem', 'format' = 'csv', 'csv.field-delimiter' = '\t',
            'path' = 'file://{data}')"""
    )
    environment.execute_sql(
        "CREATE TABLE sink (label INT, prediction DOUBLE) WITH ('connector' = 'blackhole')"
    )
    environment.execute_sql(
        f"INSERT INTO sink SELECT label, predict({', '.join(FEATURES)}) FROM source"
    ).wait()


if __name__ == "__main__":
    main()
