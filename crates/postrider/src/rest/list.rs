//! Lists: as many pages as it takes.

use super::{Call, Rest, RestError};
use crate::output::{self, Json};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

/// The API's largest page.
const MAX_PAGE: usize = 100;

/// How much of a list.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct ListArgs {
    /// How many to list at most
    #[arg(long, default_value_t = 50, value_name = "N",
          value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// List all there are
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    /// Go on where another list ended: the `next_cursor` that `--json` shows
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

/// What was listed, in the form in which the API answers a list.
#[derive(Debug, Deserialize)]
pub(crate) struct Listed {
    /// The rows, each as the API wrote it.
    pub(crate) data: Vec<Box<RawValue>>,
    /// Where to go on; `None` at the end.
    pub(crate) next_cursor: Option<String>,
}

impl Listed {
    /// The list as the API would have answered it on one page, laid out for reading.
    pub(crate) fn pretty(&self) -> String {
        let rows = self.data.iter().map(|row| row.get()).collect::<Vec<_>>().join(",");
        let cursor = self.next_cursor.as_deref().map_or(Value::Null, Value::from);
        output::pretty(&format!(r#"{{"data":[{rows}],"next_cursor":{cursor}}}"#))
    }
}

impl Rest {
    /// Lists from page to page.
    pub(crate) async fn list(&self, call: &Call, args: &ListArgs) -> Result<Listed, RestError> {
        let wanted =
            if args.all { usize::MAX } else { usize::try_from(args.limit).unwrap_or(usize::MAX) };
        let mut listed = Listed { data: Vec::new(), next_cursor: args.cursor.clone() };
        loop {
            let room = (wanted - listed.data.len()).min(MAX_PAGE);
            let call = call
                .clone()
                .query("limit", Some(room.to_string()))
                .query("cursor", listed.next_cursor.take());
            let mut page: Listed = self.read(&call, &self.call(&call).await?)?;
            let empty = page.data.is_empty();
            listed.data.append(&mut page.data);
            listed.next_cursor = page.next_cursor;
            if listed.next_cursor.is_none() || listed.data.len() >= wanted || empty {
                return Ok(listed);
            }
        }
    }

    /// The whole of a list that has no pages.
    pub(crate) async fn list_whole(&self, call: &Call) -> Result<Listed, RestError> {
        self.read(call, &self.call(call).await?)
    }

    /// What the rows of a list mean.
    pub(crate) fn rows<T: DeserializeOwned>(
        &self,
        call: &Call,
        listed: &Listed,
    ) -> Result<Vec<T>, RestError> {
        let rows = listed.data.iter().map(|row| serde_json::from_str(row.get()));
        rows.collect::<Result<_, _>>()
            .map_err(|cause| RestError::Unexpected { call: self.asked(call), cause })
    }

    /// What an answer means.
    pub(crate) fn read<'a, T: Deserialize<'a>>(
        &self,
        call: &Call,
        answer: &'a Json,
    ) -> Result<T, RestError> {
        answer.read().map_err(|cause| RestError::Unexpected { call: self.asked(call), cause })
    }
}
