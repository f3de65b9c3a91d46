//! The generated messages and client of `proto/postrider/v1/ingest.proto`. Nothing here is written by
//! hand.

#![expect(
    clippy::allow_attributes_without_reason,
    unreachable_pub,
    reason = "generated code has its generator's style"
)]

tonic::include_proto!("postrider.v1");
