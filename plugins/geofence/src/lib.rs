//! `geofence(lon, lat)`: whether a place lies in the polygon that the function was opened with.

mod polygon;

use polygon::Polygon;
use wasmill_sdk::{
    Arguments, Batch, Column, DataType, Error, Field, OpenContext, Parameter, ScalarFunction,
    Signature,
};

struct Geofence {
    polygon: Polygon,
}

impl ScalarFunction for Geofence {
    fn signature() -> Signature {
        let degrees = |name| Field::new(name, DataType::Float64);
        Signature::new("geofence")
            .description("Whether a place lies in a polygon.")
            .arguments(Arguments::Exact(vec![degrees("lon"), degrees("lat")]))
            .returns(Field::new("inside", DataType::Boolean))
            .parameter(Parameter::required(
                "polygon",
                "WKT, POLYGON or MULTIPOLYGON, or a bare list of corners: 'lon lat, lon lat, …'",
            ))
    }

    fn open(context: &OpenContext) -> Result<Self, Error> {
        match context.parsed("polygon")? {
            Some(polygon) => Ok(Self { polygon }),
            None => Err(Error::invalid("the parameter 'polygon' is missing")),
        }
    }

    fn batch_eval(&mut self, rows: &Batch) -> Result<Column, Error> {
        rows.map(|(lon, lat): (f64, f64)| self.polygon.contains(lon, lat))
    }
}

wasmill_sdk::plugin!(Geofence);
