-- Who visited the shop, how often and for how long; and what was unusually dear? Process functions keep
-- state of each user and set timers, an aggregate function makes one value of a visit's amounts.
CREATE TABLE clicks (
  `user` STRING,
  at TIMESTAMP(3),
  category STRING,
  amount DOUBLE,
  WATERMARK FOR at AS at - INTERVAL '5' SECOND
) WITH ('connector' = 'filesystem', 'format' = 'csv', 'csv.header' = 'true', 'path' = 'data/clicks.csv');

CREATE TABLE limits (category STRING, highest DOUBLE)
WITH ('connector' = 'filesystem', 'format' = 'csv', 'csv.header' = 'true', 'path' = 'data/limits.csv');

CREATE FUNCTION visits AS '../../target/plugins/sessions.wasm#user_sessions' LANGUAGE WASM
WITH ('gap' = '600000');
CREATE FUNCTION alerts AS '../../target/plugins/sessions.wasm#alerts' LANGUAGE WASM
WITH ('side-output.unknown' = 'without_limit');
CREATE FUNCTION geometric_mean AS '../../target/plugins/statistics.wasm#geometric_mean' LANGUAGE WASM;

CREATE TABLE answer (`user` STRING, visits BIGINT, clicks BIGINT, longest BIGINT) WITH ('connector' = 'print');
CREATE TABLE dear (`user` STRING, category STRING, amount DOUBLE, above DOUBLE, rowtime TIMESTAMP(3))
WITH ('connector' = 'print', 'print-identifier' = 'dear');
CREATE TABLE without_limit (`user` STRING, category STRING, amount DOUBLE)
WITH ('connector' = 'print', 'print-identifier' = 'without limit');
CREATE TABLE spent (`user` STRING, typical DOUBLE) WITH ('connector' = 'print', 'print-identifier' = 'spent');

EXECUTE STATEMENT SET BEGIN
  INSERT INTO answer
  SELECT `user`, COUNT(*), SUM(`rows`), MAX(TO_UNIXTIME(ended) - TO_UNIXTIME(started))
  FROM visits(input => TABLE clicks PARTITION BY `user`, on_time => DESCRIPTOR(at))
  GROUP BY `user`
  ORDER BY `user`;

  INSERT INTO dear
  SELECT `user`, category, amount, above, rowtime
  FROM alerts(
    input => TABLE clicks PARTITION BY `user`,
    on_time => DESCRIPTOR(at),
    broadcast => TABLE limits);

  INSERT INTO spent
  SELECT `user`, ROUND(geometric_mean(amount), 2) FROM clicks GROUP BY `user` ORDER BY `user`;
END;
