//! What the services show on `/metrics`: the text is well formed, the numbers are right, the document
//! lists everything, and nothing of a customer's is in it.
//!
//! The three services run in this process with one registry, as `standalone` has them.

mod away;
mod calls;
mod counting;
mod documented;
mod exposition;
mod scene;
mod secrecy;
mod shown;
