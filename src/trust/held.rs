//! A large value that a trust value owns: in a place of its own, which is asked for like all other memory of a load.

/// A large value that a trust value holds.
#[cfg(not(feature = "std"))]
pub type Held<T> = &'static T;

/// A large value that a trust value owns.
#[cfg(feature = "std")]
#[derive(Debug)]
pub struct Held<T>(std::boxed::Box<[T; 1]>);

#[cfg(feature = "std")]
impl<T> Held<T> {
    /// Makes the value in a place of its own, unless memory is too short for it.
    pub(crate) fn make(value: impl FnOnce() -> T) -> Result<Self, super::reserve::NoMemory> {
        let mut one = super::reserve::room(1)?;
        one.push(value());
        let one = one.into_boxed_slice().try_into();
        one.map(Self).map_err(|_| super::reserve::NoMemory)
    }
}

#[cfg(feature = "std")]
impl<T> From<T> for Held<T> {
    fn from(value: T) -> Self {
        Self(std::boxed::Box::new([value]))
    }
}

#[cfg(feature = "std")]
impl<T> core::ops::Deref for Held<T> {
    type Target = T;

    fn deref(&self) -> &T {
        let [value] = &*self.0;
        value
    }
}
