//! Any bytes are an XGBoost model, in JSON or UBJSON, or an error; a model predicts a row the same
//! alone and in a block.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wasmill_inference::xgboost::fuzzing;

fuzz_target!(|bytes: &[u8]| {
    fuzzing::model(bytes);
});
