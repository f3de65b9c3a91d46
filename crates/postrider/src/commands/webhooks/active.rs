//! Changing a webhook, whatever its tenant's contract calls the field that says whether it is on. Which
//! word it has shows in a refusal alone, and what is refused changes nothing, so that the other word
//! may be tried.

use super::shown;
use crate::call::{CallArgs, CallError};
use crate::rest::Call;
use serde_json::{Map, Value};

/// What most contracts call it.
pub(super) const IS_ACTIVE: &str = "is_active";
const ACTIVE: &str = "active";

/// Makes a call with a body that may have [`IS_ACTIVE`], and prints the webhook that it answers.
pub(super) async fn change(
    args: &CallArgs,
    call: Call,
    mut body: Map<String, Value>,
) -> Result<(), CallError> {
    let rest = args.rest()?;
    let first = call.clone().with_body(&body.clone().into());
    let answer = match rest.call(&first).await {
        Err(error) if error.names(IS_ACTIVE) => {
            body = body.into_iter().map(|(name, value)| (other_word(name), value)).collect();
            rest.call(&call.clone().with_body(&body.into())).await
        }
        answer => answer,
    };
    args.print_answer(&rest, &call, &answer?, shown)
}

fn other_word(name: String) -> String {
    if name == IS_ACTIVE { ACTIVE.to_owned() } else { name }
}
