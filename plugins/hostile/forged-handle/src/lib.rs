//! Makes up handles: to columns, batches and models that nobody gave it.

use attack::Attack;
use attack::columns::{Batch, Column};
use attack::inference::Model;
use attack::types::Error;

struct Forger;

impl Attack for Forger {
    fn batch_eval(attack: &str, rows: &Batch) -> Result<Column, Error> {
        // SAFETY: none, that is the attack; the host must refuse it.
        unsafe {
            match attack {
                "column" => Ok(Column::from_handle(12_345)),
                "read" => {
                    Column::from_handle(12_345).read();
                    Ok(rows.column(0))
                }
                "zero" => Ok(Column::from_handle(0)),
                "largest" => Ok(Column::from_handle(u32::MAX)),
                "model-is-a-column" => {
                    let model = Model::from_handle(rows.column(0).take_handle());
                    model.version();
                    Ok(rows.column(0))
                }
                "batch-is-a-column" => {
                    Batch::from_handle(rows.column(0).take_handle()).rows();
                    Ok(rows.column(0))
                }
                "column-is-the-batch" => {
                    Column::from_handle(rows.handle()).length();
                    Ok(rows.column(0))
                }
                _ => Ok(rows.column(0)),
            }
        }
    }
}

attack::export!(Forger);
