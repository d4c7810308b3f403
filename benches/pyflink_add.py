"""`add(a, b)` in PyFlink, row by row or of pandas, with bundles and Arrow batches of 10,000 rows.

    python pyflink_add.py general|pandas ROWS
"""

import sys

from pyflink.table import DataTypes, EnvironmentSettings, TableEnvironment
from pyflink.table.udf import udf


def main() -> None:
    kind, rows = sys.argv[1], sys.argv[2]
    environment = TableEnvironment.create(EnvironmentSettings.in_batch_mode())
    settings = environment.get_config()
    settings.set("parallelism.default", "1")
    settings.set("python.executable", sys.executable)
    settings.set("python.fn-execution.bundle.size", "10000")
    settings.set("python.fn-execution.arrow.batch.size", "10000")
    add = udf(lambda a, b: a + b, result_type=DataTypes.BIGINT(), func_type=kind)
    environment.create_temporary_function("add", add)
    environment.execute_sql(
        f"""CREATE TABLE source (a BIGINT, b BIGINT) WITH (
            'connector' = 'datagen', 'number-of-rows' = '{rows}', 'rows-per-second' = '1000000000',
            'fields.a.min' = '0', 'fields.a.max' = '1000000',
            'fields.b.min' = '0', 'fields.b.max' = '1000000')"""
    )
    environment.execute_sql("CREATE TABLE sink (c BIGINT) WITH ('connector' = 'blackhole')")
    environment.execute_sql("INSERT INTO sink SELECT add(a, b) FROM source").wait()


if __name__ == "__main__":
    main()
