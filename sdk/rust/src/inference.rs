//! Models, with fields instead of the contract's schemas.

use crate::Model;
use crate::types::{Field, from_schema};

impl Model {
    /// The features, by position.
    pub fn inputs(&self) -> Vec<Field> {
        from_schema(&self.signature().inputs)
    }

    /// The columns of a prediction.
    pub fn outputs(&self) -> Vec<Field> {
        from_schema(&self.signature().outputs)
    }
}
