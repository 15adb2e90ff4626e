//! The COSI state service of a machine: reading and watching of its resources.

use futures::stream;
use talos_api::proto::cosi::resource as cosi;
use talos_api::proto::cosi::resource::state_server::State;
use tonic::{Request, Response, Status};

use crate::model::NodeName;

use super::calls::Access;
use super::resources::{self, Entry};
use super::serve::SharedFleet;
use super::service::{Connection, Replies, Reply, changed};

/// `cosi.resource.State`.
pub(super) struct StateApi(pub(super) Connection);

impl StateApi {
    fn entries<T>(&self, request: &Request<T>, kind: &str) -> Result<Vec<Entry>, Status> {
        self.0.require(access(kind))?;
        let node = self.0.target(request)?;
        entries(&self.0.fleet, &node, kind)
    }
}

/// What holds secrets is for administrators.
fn access(kind: &str) -> Access {
    match kind {
        "MachineConfigs.config.talos.dev" => Access::Everything,
        _ => Access::Read,
    }
}

fn entries(fleet: &SharedFleet, node: &NodeName, kind: &str) -> Result<Vec<Entry>, Status> {
    fleet.with(|fleet| {
        let machine = fleet
            .machine(node)
            .ok_or_else(|| Status::unavailable("no such machine"))?;
        resources::list(fleet, machine, kind)
            .ok_or_else(|| Status::permission_denied("no access is permitted"))
    })
}

fn resource(namespace: &str, kind: &str, (id, spec): &Entry) -> cosi::Resource {
    cosi::Resource {
        metadata: Some(cosi::Metadata {
            namespace: namespace.to_owned(),
            r#type: kind.to_owned(),
            id: id.clone(),
            version: "1".to_owned(),
            phase: "running".to_owned(),
            ..Default::default()
        }),
        spec: Some(cosi::Spec {
            proto_spec: Vec::new(),
            yaml_spec: crate::yaml::emit(spec),
        }),
    }
}

#[tonic::async_trait]
impl State for StateApi {
    async fn get(&self, request: Request<cosi::GetRequest>) -> Reply<cosi::GetResponse> {
        let cosi::GetRequest {
            namespace,
            r#type: kind,
            id,
            ..
        } = request.get_ref();
        let entries = self.entries(&request, kind)?;
        let found = entries.iter().find(|(found, _)| found == id);
        let found = found.ok_or_else(|| {
            Status::not_found(format!(
                "resource {kind}({namespace}/{id}@undefined) doesn't exist"
            ))
        })?;
        let resource = Some(resource(namespace, kind, found));
        Ok(Response::new(cosi::GetResponse { resource }))
    }

    async fn list(
        &self,
        request: Request<cosi::ListRequest>,
    ) -> Reply<Replies<cosi::ListResponse>> {
        let cosi::ListRequest {
            namespace,
            r#type: kind,
            ..
        } = request.get_ref();
        let replies: Vec<_> = self
            .entries(&request, kind)?
            .iter()
            .map(|entry| {
                let resource = Some(resource(namespace, kind, entry));
                Ok(cosi::ListResponse { resource })
            })
            .collect();
        Ok(Response::new(Box::pin(stream::iter(replies))))
    }

    async fn watch(
        &self,
        request: Request<cosi::WatchRequest>,
    ) -> Reply<Replies<cosi::WatchResponse>> {
        let first = self.entries(&request, &request.get_ref().r#type)?;
        let node = self.0.target(&request)?;
        let state = Watching {
            fleet: self.0.fleet.clone(),
            node,
            known: Vec::new(),
            next: Some(first),
            request: request.into_inner(),
        };
        let events = stream::try_unfold(state, |mut state| async move {
            let event = state.next().await?;
            Ok(Some((cosi::WatchResponse { event }, state)))
        });
        Ok(Response::new(Box::pin(events)))
    }
}

/// A running watch: what its client knows.
struct Watching {
    fleet: SharedFleet,
    node: NodeName,
    known: Vec<Entry>,
    /// The content at the beginning, which ends with a marker.
    next: Option<Vec<Entry>>,
    request: cosi::WatchRequest,
}

impl Watching {
    async fn next(&mut self) -> Result<Vec<cosi::Event>, Status> {
        if let Some(first) = self.next.take() {
            let mut events = self.differences(&first);
            events.push(cosi::Event {
                event_type: cosi::EventType::Bootstrapped.into(),
                ..Default::default()
            });
            self.known = first;
            return Ok(events);
        }
        let mut changes = self.fleet.changes();
        loop {
            let now = entries(&self.fleet, &self.node, &self.request.r#type)?;
            let events = self.differences(&now);
            self.known = now;
            if !events.is_empty() {
                return Ok(events);
            }
            changed(&mut changes).await?;
        }
    }

    fn differences(&self, now: &[Entry]) -> Vec<cosi::Event> {
        let event = |entry, kind: cosi::EventType| cosi::Event {
            resource: Some(resource(
                &self.request.namespace,
                &self.request.r#type,
                entry,
            )),
            event_type: kind.into(),
            ..Default::default()
        };
        let known = |id: &str| self.known.iter().find(|(known, _)| known == id);
        let gone = self
            .known
            .iter()
            .filter(|(id, _)| !now.iter().any(|(found, _)| found == id))
            .map(|entry| event(entry, cosi::EventType::Destroyed));
        let changed = now.iter().filter_map(|entry| match known(&entry.0) {
            None => Some(event(entry, cosi::EventType::Created)),
            Some((_, spec)) if *spec != entry.1 => Some(event(entry, cosi::EventType::Updated)),
            Some(_) => None,
        });
        gone.chain(changed).collect()
    }
}
