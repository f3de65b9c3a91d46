//! For how long a tenant's things are kept. Removing them is the store's work, and the dispatcher's to
//! have it done.

use std::str::FromStr;
use std::time::Duration;

/// A number of days, from 1 to 3,650.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Days(u16);

/// The number is none of days that anything is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number of days from {} to {}", Days::FEWEST, Days::MOST)]
pub struct DaysError;

impl Days {
    /// The fewest.
    pub const FEWEST: u16 = 1;
    /// The most.
    pub const MOST: u16 = 3650;
    /// What holds where nobody says anything else.
    pub const USUAL: Self = Self(30);

    /// So many days.
    pub fn new(days: impl TryInto<u16>) -> Result<Self, DaysError> {
        let days = days.try_into().ok().filter(|days| (Self::FEWEST..=Self::MOST).contains(days));
        days.map(Self).ok_or(DaysError)
    }

    /// The number.
    pub fn get(self) -> u16 {
        self.0
    }

    /// As a duration: 24 hours each.
    pub fn as_duration(self) -> Duration {
        Duration::from_hours(24 * u64::from(self.0))
    }
}

impl FromStr for Days {
    type Err = DaysError;

    fn from_str(text: &str) -> Result<Self, DaysError> {
        Self::new(text.parse::<u16>().map_err(|_| DaysError)?)
    }
}

/// For how long a tenant's things are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// Events, deliveries and attempts, from when the event was accepted; `None` is as long as the
    /// installation keeps them.
    pub retention: Option<Days>,
    /// Deliveries that wait for their endpoint to be on again, from when they were due.
    pub hold: Days,
}

impl Default for Keeping {
    fn default() -> Self {
        Self { retention: None, hold: Days::USUAL }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_days_is_from_1_to_3650() {
        for good in [1, 30, 3650] {
            assert_eq!(Days::new(good).unwrap().get(), u16::try_from(good).unwrap());
            assert_eq!(good.to_string().parse(), Days::new(good));
        }
        for bad in [-1, 0, 3651, 65_537, i64::MAX] {
            assert_eq!(Days::new(bad), Err(DaysError), "{bad}");
            assert_eq!(bad.to_string().parse::<Days>(), Err(DaysError), "{bad}");
        }
        assert_eq!("1.5".parse::<Days>(), Err(DaysError));
    }
}
