//! The signature of Standard Webhooks: `v1,` and base64 of HMAC-SHA-256 over `{id}.{timestamp}.{body}`.
//!
//! Source: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>,
//! "Webhook headers (sending metadata to consumers)".

use crate::secret::SigningKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The value of the signature header: one signature per valid key, separated by spaces.
///
/// `timestamp` is in Unix seconds.
pub(crate) fn header_value(keys: &[SigningKey], id: &str, timestamp: i64, body: &[u8]) -> String {
    let head = signed_head(id, timestamp);
    let signatures = keys.iter().map(|key| {
        let mac = key.sign(&[head.as_bytes(), body]);
        format!("v1,{}", STANDARD.encode(mac))
    });
    signatures.collect::<Vec<_>>().join(" ")
}

/// The signatures of version 1 in such a value; whatever else stands there is of another version, or
/// none.
pub(crate) fn macs(value: &str) -> Vec<[u8; 32]> {
    let signatures = value.split_ascii_whitespace().filter_map(|one| one.strip_prefix("v1,"));
    let decoded = signatures.filter_map(|encoded| STANDARD.decode(encoded).ok());
    decoded.filter_map(|mac| mac.try_into().ok()).collect()
}

/// Whether a signature is right under this key; compares in constant time.
pub(crate) fn is_right(
    key: &SigningKey,
    id: &str,
    timestamp: i64,
    body: &[u8],
    mac: &[u8; 32],
) -> bool {
    key.is_mac_of(&[signed_head(id, timestamp).as_bytes(), body], mac)
}

/// What is signed before the body.
fn signed_head(id: &str, timestamp: i64) -> String {
    format!("{id}.{timestamp}.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::SecretString;

    struct Vector {
        secret: &'static str,
        id: &'static str,
        timestamp: i64,
        body: &'static str,
        expected: &'static str,
    }

    const VECTORS: [Vector; 2] = [
        Vector {
            secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
            timestamp: 1_614_265_330,
            body: r#"{"test": 2432232314}"#,
            expected: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        },
        Vector {
            secret: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            id: "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
            timestamp: 1_649_367_553,
            body: r#"{"email":"test@example.com","username":"test_user"}"#,
            expected: "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
        },
    ];

    fn key(secret: &str) -> SigningKey {
        SigningKey::from_secret(&SecretString::from(secret)).unwrap()
    }

    #[test]
    fn the_known_vectors_agree() {
        for v in VECTORS {
            let value = header_value(&[key(v.secret)], v.id, v.timestamp, v.body.as_bytes());
            assert_eq!(value, v.expected);
        }
    }

    #[test]
    fn several_keys_sign_side_by_side() {
        let [one, two] = &VECTORS;
        let keys = [key(two.secret), key(one.secret)];
        let value = header_value(&keys, one.id, one.timestamp, one.body.as_bytes());
        let (first, second) = value.split_once(' ').unwrap();
        assert!(first.starts_with("v1,"));
        assert_eq!(second, one.expected);
    }
}
