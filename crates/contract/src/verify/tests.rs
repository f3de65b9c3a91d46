//! Each rule that a received request can break, and what it is told.

use super::*;
use crate::contract::tests::sample::key;
use crate::contracts::Contracts;
use crate::key::VerifyingKey;
use secrecy::SecretString;
use std::sync::Arc;

/// Signed as the specification's own example is.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const NOW: i64 = 1_614_265_330;
const BODY: &[u8] = br#"{"test": 2432232314}"#;
const RIGHT: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const RIGHT_ED25519: &str =
    "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==";
const TOLERANCE: Duration = Duration::from_mins(5);
const NAMES: [&str; 3] = ["webhook-id", "webhook-timestamp", "webhook-signature"];

fn standard() -> Arc<Contract> {
    Arc::clone(Contracts::built_in().default_contract())
}

/// The three headers, and the ways in which a test changes them.
#[derive(Clone)]
struct Request {
    headers: Vec<(&'static str, Vec<u8>)>,
    body: &'static [u8],
}

impl Request {
    fn signed(signature: &str) -> Self {
        let headers = vec![
            ("Webhook-Id", b"msg_p5jXN8AQM9LWM0D4loKWxJek".to_vec()),
            ("Webhook-Timestamp", NOW.to_string().into_bytes()),
            ("Webhook-Signature", signature.as_bytes().to_vec()),
        ];
        Self { headers, body: BODY }
    }

    fn with(mut self, place: usize, value: &str) -> Self {
        self.headers[place].1 = value.as_bytes().to_vec();
        self
    }

    fn verify(&self, secrets: &[&str], now: i64) -> Result<Verified, VerifyError> {
        let contract = standard();
        let keys: Vec<_> = secrets.iter().map(|secret| key(&contract, secret)).collect();
        self.received(|request| contract.verify(&request, &keys, now, TOLERANCE))
    }

    fn received<T>(&self, then: impl FnOnce(Received<'_>) -> T) -> T {
        let headers: Vec<_> =
            self.headers.iter().map(|(name, value)| (*name, value.as_slice())).collect();
        then(Received { headers: &headers, body: self.body })
    }
}

#[test]
fn a_right_signature_is_found_among_others_and_under_any_key() {
    let wrong = RIGHT.replace("g0hM", "g0hN");
    let signed = Request::signed(&format!("v1a,abc {wrong} {RIGHT}"));
    assert_eq!(signed.verify(&[SECRET], NOW), Ok(Verified { key: 0 }));
    assert_eq!(signed.verify(&[OTHER, SECRET], NOW), Ok(Verified { key: 1 }));
}

#[test]
fn an_ed25519_signature_is_verified_with_either_half_of_the_key() {
    let contract = standard();
    let verify = |text: &str, signature: &str| {
        let key: VerifyingKey = contract.verifying_key(&SecretString::from(text)).unwrap();
        let request = Request::signed(signature);
        request.received(|request| contract.verify(&request, &[key], NOW, TOLERANCE))
    };
    let secret = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
    let public = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";
    for text in [secret, public] {
        assert_eq!(verify(text, RIGHT_ED25519), Ok(Verified { key: 0 }));
        assert_eq!(verify(text, &format!("{RIGHT} {RIGHT_ED25519}")), Ok(Verified { key: 0 }));
        assert_eq!(verify(text, RIGHT), Err(VerifyError::Differs));
        let wrong = RIGHT_ED25519.replace("hnO3", "hnO4");
        assert_eq!(verify(text, &wrong), Err(VerifyError::Differs));
    }
    assert_eq!(verify(SECRET, RIGHT), Ok(Verified { key: 0 }));
    for text in ["whpk_", "whpk_AAAA", "whpk_*", "wh"] {
        assert!(contract.verifying_key(&SecretString::from(text)).is_err(), "{text}");
    }
    // A point of small order verifies whatever is signed.
    let weak = format!("whpk_{}=", "A".repeat(43));
    assert!(contract.verifying_key(&SecretString::from(weak)).is_err());
}

#[test]
fn whatever_is_changed_makes_the_signature_differ() {
    let signed = Request::signed(RIGHT);
    let body = Request { body: br#"{"test":2432232314}"#, ..signed.clone() };
    let changed = [
        signed.clone().with(0, "msg_other"),
        signed.clone().with(1, "1614265331"),
        signed.clone().with(2, &RIGHT.replace("g0hM", "g0hN")),
        body,
    ];
    for request in changed {
        let headers = &request.headers;
        assert_eq!(request.verify(&[SECRET], NOW), Err(VerifyError::Differs), "{headers:?}");
    }
    for secrets in [&[OTHER][..], &[]] {
        assert_eq!(signed.verify(secrets, NOW), Err(VerifyError::Differs));
    }
}

#[test]
fn the_borders_of_its_age() {
    let signed = Request::signed(RIGHT);
    for now in [NOW - 300, NOW, NOW + 300] {
        assert!(signed.verify(&[SECRET], now).is_ok(), "{now}");
    }
    let old = VerifyError::TooOld { age_seconds: 301, tolerance_seconds: 300 };
    assert_eq!(signed.verify(&[SECRET], NOW + 301), Err(old));
    let new = VerifyError::TooNew { ahead_seconds: 301, tolerance_seconds: 300 };
    assert_eq!(signed.verify(&[SECRET], NOW - 301), Err(new));
    // A signature that differs is that, however old.
    assert_eq!(signed.verify(&[OTHER], NOW + 301), Err(VerifyError::Differs));
    assert!(matches!(signed.verify(&[SECRET], i64::MIN), Err(VerifyError::TooNew { .. })));
}

#[test]
fn a_contract_that_signs_no_time_has_no_age() {
    let contracts = Contracts::built_in();
    let contract = contracts.get("github").unwrap();
    let keys = [key(contract, "It's a Secret to Everybody")];
    let sha256: &[u8] = b"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let headers: [(&str, &[u8]); 2] = [
        ("x-hub-signature-256", sha256),
        ("x-hub-signature", b"sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59"),
    ];
    let verify = |headers: &[(&str, &[u8])]| {
        let request = Received { headers, body: b"Hello, World!" };
        contract.verify(&request, &keys, i64::MAX, Duration::ZERO)
    };
    assert_eq!(verify(&headers), Ok(Verified { key: 0 }));
    // Both headers are promised, so both must be right, and as they are written.
    let missing = VerifyError::Missing("X-Hub-Signature".to_owned());
    assert_eq!(verify(&headers[..1]), Err(missing));
    let wrong: [(&str, &[u8]); 2] =
        [headers[0], ("x-hub-signature", b"sha1=01dc10d0c83e72ed246219cdd91669667fe2ca58")];
    assert_eq!(verify(&wrong), Err(VerifyError::Differs));
    let upper = String::from_utf8(sha256.to_vec()).unwrap().replace("ea0eb", "EA0EB");
    let upper: [(&str, &[u8]); 2] = [("x-hub-signature-256", upper.as_bytes()), headers[1]];
    let form = "sha256={32 bytes in lower-case hex}".to_owned();
    let malformed = VerifyError::Malformed { header: "X-Hub-Signature-256".to_owned(), form };
    assert_eq!(verify(&upper), Err(malformed));
}

#[test]
fn each_header_must_be_there_once_and_in_its_form() {
    for (place, name) in NAMES.into_iter().enumerate() {
        let mut missing = Request::signed(RIGHT);
        let removed = missing.headers.remove(place);
        let broken = VerifyError::Missing(name.to_owned());
        assert_eq!(missing.verify(&[SECRET], NOW), Err(broken));
        let mut repeated = Request::signed(RIGHT);
        repeated.headers.push(removed);
        let broken = VerifyError::Repeated(name.to_owned());
        assert_eq!(repeated.verify(&[SECRET], NOW), Err(broken));
        let mut binary = Request::signed(RIGHT);
        binary.headers[place].1 = vec![0xff];
        assert!(is_malformed(&binary, name));
    }
    for text in ["", "now", "1.5", "99999999999999999999"] {
        assert!(is_malformed(&Request::signed(RIGHT).with(1, text), NAMES[1]), "{text}");
    }
    for text in ["", "v1,", "v1,abc", "v1,g0hM", "v1a,abc", &RIGHT[3..]] {
        assert!(is_malformed(&Request::signed(text), NAMES[2]), "{text}");
    }
}

fn is_malformed(request: &Request, name: &str) -> bool {
    matches!(request.verify(&[SECRET], NOW), Err(VerifyError::Malformed { header, .. }) if header == name)
}

#[test]
fn forms_are_told_as_they_should_be() {
    let form = |contract: &str, name: &str, value: &str| {
        let contracts = Contracts::built_in();
        let contract = contracts.get(contract).unwrap();
        let headers = [(name, value.as_bytes())];
        let request = Received { headers: &headers, body: b"" };
        let keys: &[SigningKey] = &[];
        contract.verify(&request, keys, 0, TOLERANCE).unwrap_err().to_string()
    };
    assert_eq!(
        form("stripe", "Stripe-Signature", "v1=ab"),
        "the header Stripe-Signature must be t={timestamp},v1={32 bytes in lower-case hex}; \
         several are separated by ','"
    );
    assert_eq!(
        form("stripe", "Stripe-Signature", "t=x,v1=ab"),
        "the header Stripe-Signature must be a time in whole Unix seconds"
    );
    assert_eq!(
        form("shopify", "X-Shopify-Hmac-Sha256", "ab"),
        "the header X-Shopify-Hmac-Sha256 must be {32 bytes in base64}"
    );
}

#[test]
fn the_expected_signature_is_the_one_that_verifies() {
    let request = Request::signed("v1,whatever");
    let contract = standard();
    let key = key(&contract, SECRET);
    let expected = request.received(|request| {
        let expected = contract.expected_signature(&request, &key);
        expected.map(|(name, value)| (name.to_owned(), value))
    });
    assert_eq!(expected, Ok((NAMES[2].to_owned(), RIGHT.to_owned())));
}

#[test]
fn id_and_type_are_read_whether_or_not_it_is_signed() {
    let contract = standard();
    let typed = Request { body: br#"{"type":"a\u002eb","data":{}}"#, ..Request::signed("") };
    typed.received(|request| {
        let id = contract.delivery_id(&request);
        assert_eq!(id.as_deref(), Some("msg_p5jXN8AQM9LWM0D4loKWxJek"));
        assert_eq!(contract.event_type(&request).as_deref(), Some("a.b"));
    });
    let bare = Received { headers: &[], body: b"[]" };
    assert_eq!((contract.delivery_id(&bare), contract.event_type(&bare)), (None, None));
    let contracts = Contracts::built_in();
    let github = contracts.get("github").unwrap();
    let headers: [(&str, &[u8]); 2] = [("x-github-event", b"push"), ("x-github-delivery", b"7")];
    let request = Received { headers: &headers, body: b"" };
    assert_eq!(github.event_type(&request).as_deref(), Some("push"));
    assert_eq!(github.delivery_id(&request).as_deref(), Some("7"));
    let topic: [(&str, &[u8]); 1] = [("x-shopify-topic", b"orders/line_items/create")];
    let request = Received { headers: &topic, body: b"{}" };
    let shopify = contracts.get("shopify").unwrap();
    assert_eq!(shopify.event_type(&request).as_deref(), Some("orders.line_items.create"));
}
