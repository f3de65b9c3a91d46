//! What the tests of contracts share: a small contract file, a delivery, keys.

use crate::contract::Contract;
use crate::key::SigningKey;
use crate::request::{DeliveryView, EventView};
use secrecy::SecretString;
use time::macros::datetime;
use uuid::{Uuid, uuid};

/// A contract of which every table is as short as it may be.
pub(crate) fn minimal() -> String {
    r#"name = "acme"
description = "Acme's webhooks."

[ids]
event = "evt_"
delivery = "dlv_"
endpoint = "ep_"

[endpoint]
https_only = true

[request]
headers = [
  { name = "X-Acme-Id", value = "{delivery.id}" },
]
body = [
  { key = "type", from = "event.type" },
  { key = "data", from = "payload" },
]

[[signatures]]
header = "X-Acme-Signature"
content = "{body}"
algorithm = "hmac-sha256"
encoding = "hex"
value = "{signature}"

[[secret]]
key = "text"

[delivery]
timeout = 10
success = ["2xx"]
delays = [1, 2, 3]
jitter = 0
after_last = "fail"
"#
    .to_owned()
}

/// The small contract with one part replaced.
pub(crate) fn minimal_with(part: &str, replacement: &str) -> String {
    let text = minimal();
    assert_eq!(text.matches(part).count(), 1, "{part:?} is not there once");
    text.replace(part, replacement)
}

/// The small contract with more at its end.
pub(crate) fn minimal_and(more: &str) -> String {
    minimal() + more
}

pub(crate) fn parse(text: &str) -> Contract {
    Contract::parse("own.toml", text).unwrap_or_else(|errors| panic!("{errors}"))
}

pub(crate) const DELIVERY: Uuid = uuid!("0193f7a4-6f3e-7000-8000-00000000000d");
pub(crate) const EVENT: Uuid = uuid!("0193f7a4-6f3e-7000-8000-00000000000e");

/// A delivery that has something to show in every place.
pub(crate) fn delivery() -> DeliveryView<'static> {
    let event = EventView {
        id: EVENT,
        given_id: None,
        event_type: "thing.done",
        occurred_at: datetime!(2024-01-20 16:00:00.999999999 +1),
        payload: r#"{"b":1,"a":"ü\n"}"#.as_bytes(),
    };
    DeliveryView { id: DELIVERY, endpoint_id: "wh_e1", event }
}

/// A key from a generated secret, always the same.
pub(crate) fn keys_of(contract: &Contract) -> [SigningKey; 1] {
    [contract.signing_key(&contract.secret_from_random(&[5; 64])).unwrap()]
}

pub(crate) fn key(contract: &Contract, secret: &str) -> SigningKey {
    contract.signing_key(&SecretString::from(secret)).unwrap()
}
