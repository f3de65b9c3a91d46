//! When an endpoint that was switched off for its failures is probed. Pure: no clock, no store. Who takes
//! what as a probe is `store`'s business; breakers, which probe endpoints that are on, have rules of their
//! own.

use std::time::Duration;

/// For how long one that was switched off is left alone; doubles with each probe.
const FIRST_REST: Duration = Duration::from_mins(5);
/// The longest time between two probes.
const LONGEST_REST: Duration = Duration::from_hours(6);
/// Where nothing is held that could be a probe, it is looked for again after so long.
pub const NOTHING_TO_SEND: Duration = Duration::from_mins(1);
/// After a probe that was never sent, for want of a broker, a slot or a lookup, there is another so soon; it
/// says nothing about the endpoint, and counts as none.
pub const NOT_SENT: Duration = Duration::from_mins(1);

/// How long it is until the next probe of an endpoint that was probed so often: from when it was
/// switched off, or else from when the latest probe was taken.
pub fn rest_after(probes: u32) -> Duration {
    let doubled = 1_u32.checked_shl(probes).unwrap_or(u32::MAX);
    FIRST_REST.checked_mul(doubled).map_or(LONGEST_REST, |rest| rest.min(LONGEST_REST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_rest_doubles_from_five_minutes_up_to_six_hours() {
        let minutes: Vec<u64> = (0..9).map(|probes| rest_after(probes).as_secs() / 60).collect();
        assert_eq!(minutes, [5, 10, 20, 40, 80, 160, 320, 360, 360]);
    }

    proptest! {
        #[test]
        fn a_rest_is_never_shorter_than_the_one_before_nor_out_of_bounds(probes in 0..u32::MAX) {
            let (rest, next) = (rest_after(probes), rest_after(probes + 1));
            prop_assert!(FIRST_REST <= rest && rest <= next && next <= LONGEST_REST);
            prop_assert!(next == rest * 2 || next == LONGEST_REST);
        }
    }
}
