//! A list that is an Arrow buffer on the host's side.
//!
//! wasmtime lowers `[T]` with one copy, and lifts `Vec<T>` with one; [`Items`] lends both to
//! Arrow's reference-counted buffers, so that no second copy stands between an array and a guest.

use std::mem::MaybeUninit;

use arrow::buffer::ScalarBuffer;
use arrow::datatypes::ArrowNativeType;
use wasmtime::component::__internal::{
    CanonicalAbiInfo, InstanceType, InterfaceType, LiftContext, LowerContext,
};
use wasmtime::component::{ComponentType, Lift, Lower};

/// `list<T>` of the contract.
#[derive(Clone, Debug)]
pub(crate) struct Items<T: ArrowNativeType>(pub ScalarBuffer<T>);

impl<T: ArrowNativeType> Items<T> {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn bytes(&self) -> usize {
        self.0.inner().len()
    }
}

// SAFETY: everything is delegated to `[T]`, whose layout in the canonical ABI is that of `list<T>`.
unsafe impl<T: ArrowNativeType + ComponentType> ComponentType for Items<T> {
    type Lower = <[T] as ComponentType>::Lower;
    const ABI: CanonicalAbiInfo = <[T] as ComponentType>::ABI;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> wasmtime::Result<()> {
        <[T] as ComponentType>::typecheck(ty, types)
    }
}

// SAFETY: delegated to `[T]`.
unsafe impl<T: ArrowNativeType + Lower> Lower for Items<T> {
    fn linear_lower_to_flat<U>(
        &self,
        cx: &mut LowerContext<'_, U>,
        ty: InterfaceType,
        dst: &mut MaybeUninit<Self::Lower>,
    ) -> wasmtime::Result<()> {
        <[T] as Lower>::linear_lower_to_flat(&self.0, cx, ty, dst)
    }

    fn linear_lower_to_memory<U>(
        &self,
        cx: &mut LowerContext<'_, U>,
        ty: InterfaceType,
        offset: usize,
    ) -> wasmtime::Result<()> {
        <[T] as Lower>::linear_lower_to_memory(&self.0, cx, ty, offset)
    }
}

// SAFETY: delegated to `Vec<T>`, which checks bounds, alignment and the hostcall fuel before it
// allocates.
unsafe impl<T: ArrowNativeType + Lift> Lift for Items<T> {
    fn linear_lift_from_flat(
        cx: &mut LiftContext<'_>,
        ty: InterfaceType,
        src: &Self::Lower,
    ) -> wasmtime::Result<Self> {
        let items = <Vec<T> as Lift>::linear_lift_from_flat(cx, ty, src)?;
        Ok(Self(ScalarBuffer::from(items)))
    }

    fn linear_lift_from_memory(
        cx: &mut LiftContext<'_>,
        ty: InterfaceType,
        bytes: &[u8],
    ) -> wasmtime::Result<Self> {
        let items = <Vec<T> as Lift>::linear_lift_from_memory(cx, ty, bytes)?;
        Ok(Self(ScalarBuffer::from(items)))
    }
}
