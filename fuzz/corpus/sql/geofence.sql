-- Which places lie inside Berlin's ring railway? A pure function, no model.
CREATE TABLE places (
  place STRING,
  longitude DOUBLE,
  latitude DOUBLE
) WITH ('connector' = 'filesystem', 'format' = 'csv', 'csv.header' = 'true', 'path' = 'data/places.csv');

CREATE FUNCTION inside_ring AS '../../target/plugins/geofence.wasm#geofence' LANGUAGE WASM
WITH ('polygon' = 'POLYGON ((13.2844 52.5009, 13.2990 52.5303, 13.3285 52.5360, 13.3650 52.5440, 13.3884 52.5486, 13.4145 52.5493, 13.4551 52.5285, 13.4750 52.5140, 13.4692 52.5027, 13.4615 52.4935, 13.4420 52.4690, 13.4010 52.4700, 13.3650 52.4750, 13.3430 52.4780, 13.3130 52.4790, 13.2903 52.4895, 13.2844 52.5009))');

CREATE FUNCTION distance AS '../../target/plugins/haversine.wasm#haversine' LANGUAGE WASM;

CREATE TABLE answer (place STRING, inside BOOLEAN, metres_to_the_centre BIGINT)
  WITH ('connector' = 'print');

INSERT INTO answer
SELECT
  place,
  inside_ring(longitude, latitude),
  CAST(ROUND(distance(latitude, longitude, 52.5163, 13.3777)) AS BIGINT)
FROM places;
