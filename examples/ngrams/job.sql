-- What do people write again and again? A table function: each text becomes a row for every two words.
CREATE TABLE reviews (
  id INT,
  stars INT,
  text STRING
) WITH ('connector' = 'filesystem', 'format' = 'csv', 'csv.header' = 'true', 'path' = 'data/reviews.csv');

CREATE FUNCTION ngrams AS '../../target/plugins/words.wasm#ngrams' LANGUAGE WASM WITH ('n' = '2');

CREATE TABLE answer (phrase STRING, reviews BIGINT, stars DOUBLE) WITH ('connector' = 'print');

INSERT INTO answer
SELECT phrase, COUNT(DISTINCT id), AVG(stars)
FROM reviews, LATERAL TABLE(ngrams(text)) AS n(phrase, place)
GROUP BY phrase
HAVING COUNT(DISTINCT id) > 1
ORDER BY COUNT(DISTINCT id) DESC, phrase;
