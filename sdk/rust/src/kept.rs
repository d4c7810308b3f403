//! What `#[derive(State)]` keeps of a key: values, lists and maps.

mod list;
mod map;
mod value;

pub use list::List;
pub use map::Map;
pub use value::StateValue;

use crate::store::Store;
use crate::{Error, Read, Slot};

/// What is kept of a key, as `#[derive(State)]` makes it of a struct: each field is a slot of the
/// field's name. `Default` is the state of a key of which nothing is known.
///
/// ```
/// use wasmill_sdk::{List, Map, State};
///
/// #[derive(Default, State)]
/// struct Visits {
///     count: i64,
///     last: Option<i64>,
///     #[state(ttl = "1 h")]
///     pages: Map<String, i64>,
///     recent: List<String>,
/// }
///
/// let mut visits = Visits::default();
/// visits.count += 1;
/// visits.pages.insert("/".to_owned(), 1);
/// visits.recent.push("/".to_owned());
/// assert_eq!(visits.pages.get("/"), Some(&1));
/// ```
///
/// - A value is a type that a result may have, or an [`Option`] of one. Where it is what `Default` makes
///   of it nothing is kept: `*self = Self::default()` forgets a key.
/// - `ttl` is a whole number of `ms`, `s`, `min`, `h` or `d`. It counts by the machine's clock from when
///   the host last got the value, which is when it was another one; for an entry of a [`Map`] also when
///   it was put anew.
pub trait State: Default + 'static {
    /// What keys had before the call.
    type Before;

    fn slots() -> Vec<Slot>;

    /// Reads all slots of so many keys.
    fn read<H: Store>(host: &H, keys: usize) -> Result<Self::Before, Error>;

    /// The state of a key, of a default one.
    fn load(&mut self, before: &Self::Before, key: u32);

    fn copy(&self) -> Self;

    /// Writes what has changed, of all keys in their order.
    fn write<H: Store>(host: &H, before: &Self::Before, states: &[Self]) -> Result<(), Error>;
}

/// A field of a [`State`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept of a key",
    label = "neither a value, nor a `List<T>`, nor a `Map<K, V>`",
    note = "a value is a bool, an integer, a float, String, Vec<u8>, Timestamp, Date, Vec<T> of these, or Option<T> of these"
)]
pub trait Kept: Sized + 'static {
    /// What keys had before the call, one row a key.
    type Before: Read;

    fn slot(name: &str) -> Slot;

    fn read<H: Store>(host: &H, slot: u32, keys: usize) -> Result<Self::Before, Error> {
        let before = Self::Before::of(&host.read(slot))?;
        match before.rows() == keys {
            true => Ok(before),
            false => Err(Error::failed(
                "the host gave a state of another number of keys",
            )),
        }
    }

    /// The field of a key; it is that of a default state.
    fn load(&mut self, before: &Self::Before, of: Place);

    fn copy(&self) -> Self;

    /// Writes what has changed, of all keys in their order. `absent` is the field of a default state.
    fn write<'a, H: Store>(
        host: &H,
        slot: u32,
        before: &Self::Before,
        absent: &Self,
        fields: impl Iterator<Item = &'a Self>,
    ) -> Result<(), Error>;
}

/// Whose a list or a map is: a change is only known of one that is still where it was read to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    pub slot: u32,
    pub key: u32,
}
