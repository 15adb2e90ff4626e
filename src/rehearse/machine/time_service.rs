//! The time service of a machine: what time it is by its own clock and by its time server.

use talos_api::proto::time as wire;
use talos_api::proto::time::time_service_server::TimeService;
use tonic::{Request, Response, Status};

use crate::model::Version;

use super::calls::Access;
use super::service::{Connection, Reply};

/// The time server of machines that are told no other.
const SERVER: &str = "time.cloudflare.com";

/// `time.TimeService`.
pub(super) struct TimeApi(pub(super) Connection);

#[tonic::async_trait]
impl TimeService for TimeApi {
    async fn time(&self, request: Request<()>) -> Reply<wire::TimeResponse> {
        self.0.require(Access::Read)?;
        let node = self.0.target(&request)?;
        let remote = self.0.fleet.today().as_second();
        let local = self.0.fleet.with(|fleet| {
            let machine = fleet.machine(&node);
            let machine = machine.ok_or_else(|| Status::unavailable("no such machine"))?;
            // Before 1.13 only a handful of methods is there in maintenance mode.
            if machine.is_in_maintenance() && machine.spec().version < Version::new(1, 13, 0) {
                return Err(Status::unimplemented(
                    "API is not implemented in maintenance mode",
                ));
            }
            if machine.ails.clock_is_off {
                return Err(Status::unavailable(format!(
                    "error querying NTP server {SERVER:?}"
                )));
            }
            Ok(remote + machine.spec().clock_offset)
        })?;
        let at = |seconds| prost_types::Timestamp { seconds, nanos: 0 };
        let messages = vec![wire::Time {
            metadata: None,
            server: SERVER.to_owned(),
            localtime: Some(at(local)),
            remotetime: Some(at(remote)),
        }];
        Ok(Response::new(wire::TimeResponse { messages }))
    }
}
