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
    world: "scalar-plugin",
    pub_export_macro: true,
    export_macro_name: "export_scalar_plugin",
    runtime_path: "wit_bindgen::rt",
});
