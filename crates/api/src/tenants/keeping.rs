//! For how long a tenant's things are kept: the fields that say it.

use crate::fields::Fields;
use postrider_common::keeping::{Days, DaysError};
use serde_json::Value;

/// What is given of it; the inner `None` is as long as the installation keeps things.
#[derive(Clone, Copy)]
#[expect(clippy::option_option, reason = "absent, null and a value are three things")]
pub(super) struct Given {
    pub(super) retention: Option<Option<Days>>,
    pub(super) hold: Option<Days>,
}

/// Reads `retention_days` and `hold_days`, each of which may be absent.
pub(super) fn read(fields: &mut Fields) -> Given {
    Given {
        retention: fields.nullable("retention_days", |value| {
            days(value).map_err(|rule| format!("{rule}, or null"))
        }),
        hold: fields.optional("hold_days", days),
    }
}

fn days(value: &Value) -> Result<Days, String> {
    let days = value.as_u64().ok_or(DaysError).and_then(Days::new);
    days.map_err(|rule| rule.to_string())
}
