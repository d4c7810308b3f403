-- The 28-feature shape at any size: `python generate.py --rows 1000000 --out higgs --train`.
CREATE TABLE source (
  label INT,
  f1 DOUBLE, f2 DOUBLE, f3 DOUBLE, f4 DOUBLE, f5 DOUBLE, f6 DOUBLE, f7 DOUBLE,
  f8 DOUBLE, f9 DOUBLE, f10 DOUBLE, f11 DOUBLE, f12 DOUBLE, f13 DOUBLE, f14 DOUBLE,
  f15 DOUBLE, f16 DOUBLE, f17 DOUBLE, f18 DOUBLE, f19 DOUBLE, f20 DOUBLE, f21 DOUBLE,
  f22 DOUBLE, f23 DOUBLE, f24 DOUBLE, f25 DOUBLE, f26 DOUBLE, f27 DOUBLE, f28 DOUBLE
) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'csv.field-delimiter' = '\t',
  'path' = 'higgs/data/test.tsv');

CREATE TABLE sink (label INT, prediction DOUBLE) WITH (
  'connector' = 'filesystem', 'format' = 'csv', 'path' = 'out');

CREATE MODEL higgs
  INPUT (
    f1 DOUBLE, f2 DOUBLE, f3 DOUBLE, f4 DOUBLE, f5 DOUBLE, f6 DOUBLE, f7 DOUBLE,
    f8 DOUBLE, f9 DOUBLE, f10 DOUBLE, f11 DOUBLE, f12 DOUBLE, f13 DOUBLE, f14 DOUBLE,
    f15 DOUBLE, f16 DOUBLE, f17 DOUBLE, f18 DOUBLE, f19 DOUBLE, f20 DOUBLE, f21 DOUBLE,
    f22 DOUBLE, f23 DOUBLE, f24 DOUBLE, f25 DOUBLE, f26 DOUBLE, f27 DOUBLE, f28 DOUBLE)
  OUTPUT (prediction DOUBLE)
  WITH ('provider' = 'lightgbm', 'path' = 'higgs/model.txt');

CREATE FUNCTION predict AS '../../target/plugins/predict.wasm#predict' LANGUAGE WASM
  WITH ('model' = 'higgs', 'grant.models' = 'higgs');

INSERT INTO sink SELECT label, predict(
  f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14,
  f15, f16, f17, f18, f19, f20, f21, f22, f23, f24, f25, f26, f27, f28)
FROM source;
