//! Conformance: tenants take turns at having what is too old removed.

use super::Subject;
use crate::retention::Removed;
use postrider_common::keeping::Days;

/// It is tried again later.
pub async fn a_removal_that_fails_does_not_keep_others_waiting(subject: &Subject) {
    let remove = async || subject.store.expired_remove(Days::USUAL).await;
    let (hindered, _) = subject.customer().await;
    subject.deliver_old(&hindered).await;
    subject.hooks.hinder_removal(hindered.tenant()).await.expect("hindered");
    assert_eq!(remove().await.expect("it is known"), Some(Removed::default()));
    let (other, _) = subject.customer().await;
    subject.deliver_old(&other).await;

    assert!(remove().await.is_err());
    assert_eq!(remove().await.expect("the other one is known"), Some(Removed::default()));
    let removed = remove().await.expect("it is its turn").expect("something is removed");
    assert_eq!((removed.events, removed.deliveries), (1, 1));
    assert_eq!(remove().await.expect("an answer"), None);
    assert_eq!(subject.deliveries(&hindered).await.len(), 1, "nothing is half done");
    subject.age(600).await;
    assert!(remove().await.is_err());
}
