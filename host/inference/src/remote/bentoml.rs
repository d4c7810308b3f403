//! The provider `bentoml`: a method of a BentoML service, called with JSON.

use super::Connected;
use super::options::RemoteOptions;
use crate::{InferenceError, ModelDefinition};

pub(super) fn connect(
    _definition: &ModelDefinition,
    _options: &RemoteOptions,
) -> Result<Connected, InferenceError> {
    unimplemented!()
}
