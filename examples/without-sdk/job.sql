-- Functions in Zig, written straight against the contract: no SDK lies between them and their host.
CREATE TABLE visits (
  visitor STRING,
  `before` BIGINT,
  today BIGINT,
  spent DOUBLE,
  items DOUBLE
) WITH ('connector' = 'filesystem', 'format' = 'csv', 'csv.header' = 'true', 'path' = 'data/visits.csv');

CREATE FUNCTION greet AS '../../target/plugins/without-sdk.wasm#greet' LANGUAGE WASM
  WITH ('greeting' = 'Welcome');
CREATE FUNCTION plus AS '../../target/plugins/without-sdk.wasm#add' LANGUAGE WASM;
-- A row on which it fails gives NULL: somebody has spent money on nothing.
CREATE FUNCTION ratio AS '../../target/plugins/without-sdk.wasm#ratio' LANGUAGE WASM
  WITH ('on-error' = 'null');

CREATE TABLE answer (greeting STRING, visits BIGINT, price DOUBLE) WITH ('connector' = 'print');

INSERT INTO answer
SELECT greet(visitor), plus(`before`, today), ratio(spent, items) FROM visits;
