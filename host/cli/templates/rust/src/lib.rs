//! Functions for wasmill.

use wasmill_sdk::scalar;

/// Says hello.
#[scalar]
fn greet(name: &str) -> String {
    format!("Hello, {name}!")
}
