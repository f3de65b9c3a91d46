//! Cursors: opaque to the caller, and good only for the list that gave them.
//!
//! A cursor is a position and an HMAC-SHA-256 over the list's kind, its tenant, its filters and
//! that position. One of another tenant, list or filter, or a changed one, is refused.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use postrider_common::config::AdminKey;
use postrider_common::tenant::TenantId;
use sha2::{Digest as _, Sha256};

/// Sets this use of the admin key apart from every other.
const LABEL: &[u8] = b"postrider cursors v1\0";
/// Bytes of the HMAC that a cursor carries.
const TAG_LEN: usize = 16;
/// The size of an HMAC-SHA-256 key block, in bytes.
const BLOCK_LEN: usize = 64;

/// The key that cursors are made with: the same in every process with the same admin key.
pub(crate) struct CursorKey(Hmac<Sha256>);

impl CursorKey {
    /// Derives the key from the admin key, by SHA-256 under a label.
    pub(crate) fn derive(admin_key: &AdminKey) -> Self {
        let digest = Sha256::new().chain_update(LABEL).chain_update(admin_key.expose()).finalize();
        // RFC 2104 pads a short key with zeros, so a full block of them is the same key.
        let mut block = [0; BLOCK_LEN];
        block[..digest.len()].copy_from_slice(&digest);
        Self(Hmac::new(&block.into()))
    }

    /// The cursors of one list: its kind, its tenant (if it has one), its filters by name.
    pub(crate) fn of_list(
        &self,
        kind: &str,
        tenant: Option<&TenantId>,
        filters: &[(String, String)],
    ) -> ListCursors {
        let mut mac = self.0.clone();
        absorb(&mut mac, kind);
        absorb(&mut mac, tenant.map_or("", TenantId::as_str));
        for (name, value) in filters {
            absorb(&mut mac, name);
            absorb(&mut mac, value);
        }
        ListCursors(mac)
    }
}

/// Each part is preceded by its length, so that no two lists give the same bytes.
fn absorb(mac: &mut Hmac<Sha256>, part: &str) {
    mac.update(&(part.len() as u64).to_be_bytes());
    mac.update(part.as_bytes());
}

/// The cursors of one list.
pub(crate) struct ListCursors(Hmac<Sha256>);

impl ListCursors {
    /// The cursor for the page after this position.
    pub(crate) fn seal(&self, position: &[u8]) -> String {
        let tag = self.0.clone().chain_update(position).finalize().into_bytes();
        URL_SAFE_NO_PAD.encode([position, &tag[..TAG_LEN]].concat())
    }

    /// The position in a cursor that this list gave.
    pub(crate) fn open(&self, cursor: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (position, tag) = bytes.split_at_checked(bytes.len().checked_sub(TAG_LEN)?)?;
        let mac = self.0.clone().chain_update(position);
        mac.verify_truncated_left(tag).ok()?;
        Some(position.to_vec())
    }
}
