//! Gives a schema without end as the type of its result.

use attack::Attack;
use attack::columns::{DataType, Schema};

struct Labyrinth;

impl Attack for Labyrinth {
    fn returns(attack: &str) -> Schema {
        let mut schema = attack::schema(DataType::Struct, true);
        let field = schema.fields[0].clone();
        let number = attack::schema(DataType::Int64, true).fields.remove(0);
        match attack {
            "deep" => {
                schema.fields = vec![field; 17];
                for (index, field) in (1..17).zip(&mut schema.fields) {
                    field.children = vec![index];
                }
            }
            "wide" => {
                schema.fields = vec![number; 1_000_000];
                schema.fields[0] = field;
                schema.fields[0].children = (1..1_000_000).collect();
            }
            "backwards" => {
                schema.fields = vec![field; 3];
                schema.fields[0].children = vec![2];
                schema.fields[2].children = vec![1];
            }
            "itself" => schema.fields[0].children = vec![0],
            "twice" => {
                schema.fields = vec![field, number];
                schema.fields[0].children = vec![1, 1];
            }
            "long-name" => schema.fields[0].name = "n".repeat(1 << 20),
            "orphans" => schema.fields = vec![number; 4],
            "children-of-a-number" => {
                schema.fields = vec![number; 2];
                schema.fields[0].children = vec![1];
            }
            "columns" => schema.columns = vec![0; 10_000_000],
            _ => {}
        }
        schema
    }
}

attack::export!(Labyrinth);
