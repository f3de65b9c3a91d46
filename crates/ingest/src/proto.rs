//! The generated messages, client and server of `proto/postrider/v1/ingest.proto`, which is where
//! they are documented. Nothing here is written by hand.

#![expect(
    clippy::allow_attributes_without_reason,
    clippy::default_trait_access,
    clippy::doc_markdown,
    clippy::too_many_lines,
    reason = "generated code has its generator's style"
)]

tonic::include_proto!("postrider.v1");

/// The proto files as the reflection service answers them: an encoded `FileDescriptorSet`.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
