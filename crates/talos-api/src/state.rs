//! Reading of the resources that a node's controllers keep.
//!
//! Specs are read in their YAML form, which every type has; unknown fields are newer releases'.

use std::time::Duration;

use serde::de::DeserializeOwned;
use tonic::{Code, Streaming};

use crate::proto::cosi::resource as wire;
use crate::{Client, Error};

/// A kind of resource: where it lives, and what its spec looks like.
pub trait Kind: DeserializeOwned {
    /// The namespace, which the server does not default.
    const NAMESPACE: &'static str;
    /// The full name of the type.
    const TYPE: &'static str;
}

/// A kind of which a node has exactly one.
pub trait Singleton: Kind {
    /// The name of the only one.
    const ID: &'static str;
}

/// A resource as the node keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource<S> {
    /// Its name within the kind.
    pub id: String,
    /// Its revision.
    pub version: String,
    /// Its content.
    pub spec: S,
}

/// What a watch reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change<S> {
    /// The resource exists, newly or since before the watch.
    Created(Resource<S>),
    /// Its content or metadata changed.
    Updated(Resource<S>),
    /// The resource of this name is gone.
    Destroyed(String),
    /// Everything that existed when the watch began has been reported.
    Bootstrapped,
}

impl Client {
    /// Returns the only resource of a kind; `None` when the node has none.
    pub async fn singleton<S: Singleton>(&self) -> Result<Option<S>, Error> {
        Ok(self.get::<S>(S::ID).await?.map(|resource| resource.spec))
    }

    /// Returns a resource by its name; `None` when there is none.
    pub async fn get<S: Kind>(&self, id: &str) -> Result<Option<Resource<S>>, Error> {
        const METHOD: &str = "Get";
        let request = self.request(wire::GetRequest {
            namespace: S::NAMESPACE.to_owned(),
            r#type: S::TYPE.to_owned(),
            id: id.to_owned(),
            options: None,
        });
        let mut state = self.state();
        match self.reply(METHOD, state.get(request)).await {
            Ok(reply) => self.decode(METHOD, reply.resource).map(Some),
            Err(error) if error.code() == Some(Code::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns all resources of a kind in the node's order.
    pub async fn list<S: Kind>(&self) -> Result<Vec<Resource<S>>, Error> {
        const METHOD: &str = "List";
        let request = self.request(wire::ListRequest {
            namespace: S::NAMESPACE.to_owned(),
            r#type: S::TYPE.to_owned(),
            options: None,
        });
        let mut state = self.state();
        let replies = self
            .within(METHOD, async {
                let mut stream = state.list(request).await?.into_inner();
                let mut replies = Vec::new();
                while let Some(reply) = stream.message().await? {
                    replies.push(reply);
                }
                Ok(replies)
            })
            .await?;
        replies
            .into_iter()
            .map(|reply| self.decode(METHOD, reply.resource))
            .collect()
    }

    /// Follows all resources of a kind, beginning with those that exist.
    pub async fn watch<S: Kind>(&self) -> Result<Watch<S>, Error> {
        let request = self.request(wire::WatchRequest {
            namespace: S::NAMESPACE.to_owned(),
            r#type: S::TYPE.to_owned(),
            id: None,
            options: Some(wire::WatchOptions {
                bootstrap_contents: true,
                tail_events: 0,
            }),
            api_version: 1,
        });
        let mut state = self.state();
        let stream = self.reply(Watch::<S>::METHOD, state.watch(request)).await?;
        Ok(Watch {
            client: self.clone(),
            stream,
            pending: Vec::new(),
            spec: std::marker::PhantomData,
        })
    }

    fn decode<S: Kind>(
        &self,
        method: &'static str,
        resource: Option<wire::Resource>,
    ) -> Result<Resource<S>, Error> {
        let (metadata, spec) = resource
            .and_then(|resource| Some((resource.metadata?, resource.spec?)))
            .ok_or_else(|| self.malformed(method, "an empty resource"))?;
        let spec = serde_saphyr::from_str(&spec.yaml_spec).map_err(|error| {
            let id = &metadata.id;
            self.malformed(
                method,
                format!("a {} `{id}` that is not one: {error}", S::TYPE),
            )
        })?;
        Ok(Resource {
            id: metadata.id,
            version: metadata.version,
            spec,
        })
    }
}

/// A running watch; dropping it ends it.
#[derive(Debug)]
pub struct Watch<S> {
    client: Client,
    stream: Streaming<wire::WatchResponse>,
    /// Events that came in one message with an earlier one, latest first.
    pending: Vec<wire::Event>,
    spec: std::marker::PhantomData<fn() -> S>,
}

impl<S: Kind> Watch<S> {
    const METHOD: &'static str = "Watch";

    /// Waits for the next change, for at most this long; `None` when the time is over.
    pub async fn next(&mut self, within: Duration) -> Result<Option<Change<S>>, Error> {
        let waiting = async {
            loop {
                while let Some(event) = self.pending.pop() {
                    if let Some(change) = change(&self.client, event)? {
                        return Ok(change);
                    }
                }
                match self.stream.message().await {
                    Ok(Some(message)) => {
                        self.pending = message.event;
                        self.pending.reverse();
                    }
                    Ok(None) => return Err(self.client.malformed(Self::METHOD, "an early end")),
                    Err(status) => return Err(self.client.failure(Self::METHOD, status)),
                }
            }
        };
        match tokio::time::timeout(within, waiting).await {
            Ok(change) => change.map(Some),
            Err(_) => Ok(None),
        }
    }
}

fn change<S: Kind>(client: &Client, event: wire::Event) -> Result<Option<Change<S>>, Error> {
    let method = Watch::<S>::METHOD;
    Ok(match event.event_type() {
        wire::EventType::Created => Some(Change::Created(client.decode(method, event.resource)?)),
        wire::EventType::Updated => Some(Change::Updated(client.decode(method, event.resource)?)),
        wire::EventType::Destroyed => {
            let metadata = event.resource.and_then(|resource| resource.metadata);
            metadata.map(|metadata| Change::Destroyed(metadata.id))
        }
        wire::EventType::Bootstrapped => Some(Change::Bootstrapped),
        wire::EventType::Errored => {
            return Err(client.malformed(method, event.error.unwrap_or_default()));
        }
        wire::EventType::Noop => None,
    })
}
