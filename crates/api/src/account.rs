//! Whom a call is for, as far as words go: the tenant's contract, and the names and the order that its
//! documents give an endpoint's fields. They hold on every base path.

use crate::app::App;
use crate::auth::Caller;
use crate::error::ApiError;
use postrider_contract::{Contract, ManagementApi};
use std::sync::Arc;

/// A tenant's contract, and the words that its caller knows.
pub(crate) struct Account {
    /// The tenant's contract.
    pub(crate) contract: Arc<Contract>,
    /// The words: the contract's, but for an admin, who has those that are the same for every tenant.
    pub(crate) words: ManagementApi,
}

impl Account {
    /// The account that the caller acts for.
    pub(crate) async fn of<N>(app: &App, caller: &Caller<N>) -> Result<Self, ApiError> {
        let contract = app.contract_of(caller.scope()).await?;
        let words =
            if caller.is_admin() { ManagementApi::native() } else { contract.api().clone() };
        Ok(Self { contract, words })
    }
}
