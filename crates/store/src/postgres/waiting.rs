//! The endpoints that have deliveries in a state: how statements begin that go from one to the other.
//!
//! A loose index scan, with one probe of the state's index for each endpoint, however many deliveries wait.

/// A query's beginning: a CTE `waiting` (`endpoint_id`) of the endpoints with deliveries in this state; or
/// only of those deliveries that a condition holds for as well.
macro_rules! endpoints_with {
    ($state:literal) => {
        crate::postgres::waiting::endpoints_with!($state, "true")
    };
    ($state:literal, $condition:literal) => {
        concat!(
            "
    WITH RECURSIVE waiting AS (
        (SELECT endpoint_id FROM deliveries WHERE state = '",
            $state,
            "' AND ",
            $condition,
            " ORDER BY endpoint_id LIMIT 1)
        UNION ALL
        SELECT (SELECT d.endpoint_id FROM deliveries d
                WHERE d.state = '",
            $state,
            "' AND d.endpoint_id > waiting.endpoint_id AND ",
            $condition,
            "
                ORDER BY d.endpoint_id LIMIT 1)
        FROM waiting WHERE waiting.endpoint_id IS NOT NULL
    )"
        )
    };
}

pub(super) use endpoints_with;
