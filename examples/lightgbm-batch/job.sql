-- Benign or malignant? Thirty measurements of a tumour, a LightGBM model in the host, and a
-- function in a .wasm file between them. Paths are relative to this file.

CREATE TABLE tumours (
  benign INT,
  mean_radius DOUBLE, mean_texture DOUBLE, mean_perimeter DOUBLE, mean_area DOUBLE,
  mean_smoothness DOUBLE, mean_compactness DOUBLE, mean_concavity DOUBLE,
  mean_concave_points DOUBLE, mean_symmetry DOUBLE, mean_fractal_dimension DOUBLE,
  radius_error DOUBLE, texture_error DOUBLE, perimeter_error DOUBLE, area_error DOUBLE,
  smoothness_error DOUBLE, compactness_error DOUBLE, concavity_error DOUBLE,
  concave_points_error DOUBLE, symmetry_error DOUBLE, fractal_dimension_error DOUBLE,
  worst_radius DOUBLE, worst_texture DOUBLE, worst_perimeter DOUBLE, worst_area DOUBLE,
  worst_smoothness DOUBLE, worst_compactness DOUBLE, worst_concavity DOUBLE,
  worst_concave_points DOUBLE, worst_symmetry DOUBLE, worst_fractal_dimension DOUBLE
) WITH (
  'connector' = 'filesystem',
  'format' = 'csv',
  'csv.header' = 'true',
  'path' = 'data/test.csv'
);

CREATE TABLE predictions (benign INT, prediction DOUBLE) WITH (
  'connector' = 'filesystem',
  'format' = 'csv',
  'path' = 'out'
);

CREATE MODEL tumour
  INPUT (
    mean_radius DOUBLE, mean_texture DOUBLE, mean_perimeter DOUBLE, mean_area DOUBLE,
    mean_smoothness DOUBLE, mean_compactness DOUBLE, mean_concavity DOUBLE,
    mean_concave_points DOUBLE, mean_symmetry DOUBLE, mean_fractal_dimension DOUBLE,
    radius_error DOUBLE, texture_error DOUBLE, perimeter_error DOUBLE, area_error DOUBLE,
    smoothness_error DOUBLE, compactness_error DOUBLE, concavity_error DOUBLE,
    concave_points_error DOUBLE, symmetry_error DOUBLE, fractal_dimension_error DOUBLE,
    worst_radius DOUBLE, worst_texture DOUBLE, worst_perimeter DOUBLE, worst_area DOUBLE,
    worst_smoothness DOUBLE, worst_compactness DOUBLE, worst_concavity DOUBLE,
    worst_concave_points DOUBLE, worst_symmetry DOUBLE, worst_fractal_dimension DOUBLE)
  OUTPUT (prediction DOUBLE)
  WITH ('provider' = 'lightgbm', 'path' = 'model.txt');

CREATE FUNCTION predict AS '../../target/plugins/predict.wasm#predict' LANGUAGE WASM
  WITH ('model' = 'tumour', 'grant.models' = 'tumour');

INSERT OVERWRITE predictions
SELECT benign, predict(
  mean_radius, mean_texture, mean_perimeter, mean_area, mean_smoothness, mean_compactness,
  mean_concavity, mean_concave_points, mean_symmetry, mean_fractal_dimension, radius_error,
  texture_error, perimeter_error, area_error, smoothness_error, compactness_error,
  concavity_error, concave_points_error, symmetry_error, fractal_dimension_error, worst_radius,
  worst_texture, worst_perimeter, worst_area, worst_smoothness, worst_compactness,
  worst_concavity, worst_concave_points, worst_symmetry, worst_fractal_dimension)
FROM tumours;

-- The same without a plugin, straight into a query: how often is the model right?
SELECT
  benign,
  COUNT(*) AS tumours,
  SUM(CASE WHEN (prediction > 0.5) = (benign = 1) THEN 1 ELSE 0 END) AS judged_right
FROM ML_PREDICT(TABLE tumours, MODEL tumour, DESCRIPTOR(
  mean_radius, mean_texture, mean_perimeter, mean_area, mean_smoothness, mean_compactness,
  mean_concavity, mean_concave_points, mean_symmetry, mean_fractal_dimension, radius_error,
  texture_error, perimeter_error, area_error, smoothness_error, compactness_error,
  concavity_error, concave_points_error, symmetry_error, fractal_dimension_error, worst_radius,
  worst_texture, worst_perimeter, worst_area, worst_smoothness, worst_compactness,
  worst_concavity, worst_concave_points, worst_symmetry, worst_fractal_dimension))
GROUP BY benign
ORDER BY benign;
