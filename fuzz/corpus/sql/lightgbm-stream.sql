-- Events come through Kafka and go on with a prediction, each exactly once, whatever fails. Beside
-- that, a line a second: how many there were, and what the model thinks of them.
SET 'execution.checkpointing.interval' = '1 s';

CREATE TABLE events (
  id BIGINT,
  features ARRAY<DOUBLE>,
  sent TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
  WATERMARK FOR sent AS sent - INTERVAL '0.5' SECOND
) WITH (
  'connector' = 'kafka',
  'topic' = 'events',
  'properties.bootstrap.servers' = 'localhost:9092',
  'scan.startup.mode' = 'earliest-offset',
  'format' = 'json'
);

CREATE MODEL higgs INPUT (features ARRAY<DOUBLE>) OUTPUT (prediction DOUBLE)
  WITH ('provider' = 'lightgbm', 'path' = 'model.txt');

CREATE FUNCTION predict AS '../../target/plugins/predict.wasm#predict' LANGUAGE WASM
  WITH ('model' = 'higgs', 'grant.models' = 'higgs');

CREATE VIEW predicted AS SELECT id, sent, predict(features) AS prediction FROM events;

CREATE TABLE predictions (id BIGINT, prediction DOUBLE) WITH (
  'connector' = 'kafka',
  'topic' = 'predictions',
  'properties.bootstrap.servers' = 'localhost:9092',
  'sink.delivery-guarantee' = 'exactly-once',
  'sink.transactional-id-prefix' = 'lightgbm-stream',
  'format' = 'json'
);

CREATE TABLE seconds (second TIMESTAMP(0), events BIGINT, mean_prediction DOUBLE)
  WITH ('connector' = 'print', 'print-identifier' = 'second');

EXECUTE STATEMENT SET BEGIN
  INSERT INTO predictions SELECT id, prediction FROM predicted;

  INSERT INTO seconds
  SELECT window_start, COUNT(*), ROUND(AVG(prediction), 3)
  FROM TABLE(TUMBLE(TABLE predicted, DESCRIPTOR(sent), INTERVAL '1' SECOND))
  GROUP BY window_start, window_end;
END;
