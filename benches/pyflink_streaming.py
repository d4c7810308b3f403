"""The streaming job in PyFlink: a topic, a pandas function that predicts with LightGBM, a topic.

    python pyflink_streaming.py MODEL CONNECTOR SERVERS SOURCE SINK BUNDLE_MILLISECONDS

Local mini-cluster, parallelism 2, at-least-once with a checkpoint a second, Arrow batches and
bundles of up to 10,000 rows, one LightGBM thread a worker. Runs until it is killed.
"""

import sys

from pyflink.table import DataTypes, EnvironmentSettings, TableEnvironment
from pyflink.table.udf import udf

from pyflink_baseline import FEATURES, Predict


def main() -> None:
    model, connector, servers, source, sink, bundle = sys.argv[1:]
    environment = TableEnvironment.create(EnvironmentSettings.in_streaming_mode())
    settings = environment.get_config()
    settings.set("pipeline.jars", f"file://{connector}")
    settings.set("parallelism.default", "2")
    settings.set("pipeline.object-reuse", "true")
    settings.set("execution.checkpointing.interval", "1 s")
    settings.set("execution.checkpointing.mode", "AT_LEAST_ONCE")
    settings.set("python.executable", sys.executable)
    settings.set("python.fn-execution.bundle.size", "10000")
    settings.set("python.fn-execution.bundle.time", bundle)
    settings.set("python.fn-execution.arrow.batch.size", "10000")
    environment.create_temporary_function(
        "predict", udf(Predict(model), result_type=DataTypes.DOUBLE(), func_type="pandas")
    )
    columns = ", ".join(f"{name} DOUBLE" for name in FEATURES)
    environment.execute_sql(
        f"""CREATE TABLE source (id BIGINT, sent BIGINT, {columns}) WITH (
            'connector' = 'kafka', 'topic' = '{source}',
            'properties.bootstrap.servers' = '{servers}',
            'scan.startup.mode' = 'earliest-offset', 'format' = 'json')"""
    )
    environment.execute_sql(
        f"""CREATE TABLE sink (id BIGINT, sent BIGINT, prediction DOUBLE) WITH (
            'connector' = 'kafka', 'topic' = '{sink}',
            'properties.bootstrap.servers' = '{servers}',
            'sink.delivery-guarantee' = 'at-least-once', 'format' = 'json')"""
    )
    environment.execute_sql(
        f"INSERT INTO sink SELECT id, sent, predict({', '.join(FEATURES)}) FROM source"
    ).wait()


if __name__ == "__main__":
    main()
