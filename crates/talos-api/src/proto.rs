//! The generated messages, clients and (feature `server`) services, by protobuf package.
//!
//! Only [`crate::Client`] and servers need them; what the API means is said there.
#![expect(
    missing_docs,
    clippy::pedantic,
    reason = "generated code; the definitions in `proto/` say what each field is"
)]
#![cfg_attr(
    feature = "server",
    expect(clippy::allow_attributes, reason = "generated code")
)]

/// Package `google.rpc`.
pub mod google {
    /// The part of `google.rpc` that replies embed.
    pub mod rpc {
        tonic::include_proto!("google.rpc");
    }
}

/// Package `common`.
pub mod common {
    tonic::include_proto!("common");
}

/// Package `machine`.
pub mod machine {
    tonic::include_proto!("machine");
}

/// Package `time`.
pub mod time {
    tonic::include_proto!("time");
}

/// Package `cosi.resource`.
pub mod cosi {
    /// The COSI state service.
    pub mod resource {
        tonic::include_proto!("cosi.resource");
    }
}
