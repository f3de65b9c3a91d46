//! Generates a gRPC client from `proto/`, without protoc: the bench is a producer like any other, and
//! shares no code with the service.

use std::error::Error;

const PROTO: &str = "../../proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={PROTO}");
    let descriptors = protox::compile(["postrider/v1/ingest.proto"], [PROTO])?;
    tonic_prost_build::configure()
        .build_server(false)
        .bytes(".postrider.v1")
        .extern_path(".google.rpc", "::tonic_types::pb")
        .compile_fds(descriptors)?;
    Ok(())
}
