//! Reading an endpoint's own rate limit: a list of windows in the words that contracts have for them.
//! What numbers a window may have is `contract`'s business.

use super::Rule;
use postrider_contract::OwnRateLimit;
use serde_json::Value;

/// The members of a window.
const MEMBERS: [&str; 2] = ["requests", "seconds"];

/// One or two windows of `requests` and `seconds`.
pub(crate) fn rate_limit(value: &Value) -> Result<OwnRateLimit, Rule> {
    let items = value.as_array().ok_or("must be a list of one or two windows, or null")?;
    let windows: Vec<(u32, u32)> = items.iter().map(window).collect::<Result<_, _>>()?;
    OwnRateLimit::from_numbers(&windows).map_err(|error| error.to_string())
}

fn window(item: &Value) -> Result<(u32, u32), Rule> {
    let object = item.as_object().ok_or("must have an object for each window")?;
    if let Some(unknown) = object.keys().find(|name| !MEMBERS.contains(&name.as_str())) {
        let unknown: String = unknown.chars().take(super::MAX_ID).collect();
        return Err(format!(
            "must have no `{unknown}` in a window, only {}",
            MEMBERS.join(" and ")
        ));
    }
    // A number beyond 32 bits is as much too large as the largest that fits in them.
    let number = |name: &str| {
        let number = object.get(name).and_then(Value::as_u64);
        let number = number.ok_or_else(|| format!("must have whole {name} in each window"))?;
        Ok::<u32, Rule>(u32::try_from(number).unwrap_or(u32::MAX))
    };
    Ok((number(MEMBERS[0])?, number(MEMBERS[1])?))
}
