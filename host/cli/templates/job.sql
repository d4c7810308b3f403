CREATE FUNCTION greet AS '{{name}}.wasm#greet' LANGUAGE WASM;
SELECT greet('mill');
