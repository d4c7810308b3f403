//! What wit-bindgen makes of the contract.

#![allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::unwrap_used,
    unused_qualifications,
    unsafe_op_in_unsafe_fn,
    reason = "generated"
)]

wit_bindgen::generate!({
    path: "../../wit",
    world: "plugin",
    // So that the section that tells of the exports is linked with them, wherever they are.
    pub_export_macro: true,
});
