-- Which digit is on the picture? A neural network in the host, through ONNX Runtime.
CREATE TABLE digits (
  id BIGINT,
  label BIGINT,
  pixels ARRAY<FLOAT>
) WITH ('connector' = 'filesystem', 'format' = 'json', 'path' = 'data/digits.json');

CREATE MODEL reader
  INPUT (pixels ARRAY<FLOAT>)
  OUTPUT (digit BIGINT, probabilities ARRAY<FLOAT>)
  WITH ('provider' = 'onnx', 'path' = 'model.onnx');

-- How often is each digit read right, and how sure is the network?
SELECT
  label,
  COUNT(*) AS pictures,
  SUM(CASE WHEN digit = label THEN 1 ELSE 0 END) AS read_right,
  ROUND(AVG(array_max(probabilities)), 3) AS sure
FROM ML_PREDICT(TABLE digits, MODEL reader, DESCRIPTOR(pixels))
GROUP BY label
ORDER BY label;

-- Those that it got wrong.
CREATE TABLE mistakes (id BIGINT, label BIGINT, digit BIGINT)
  WITH ('connector' = 'filesystem', 'format' = 'csv', 'csv.header' = 'true', 'path' = 'out');

INSERT INTO mistakes
SELECT id, label, digit
FROM ML_PREDICT(TABLE digits, MODEL reader, DESCRIPTOR(pixels))
WHERE digit <> label;
