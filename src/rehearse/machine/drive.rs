//! Lets time pass for a fleet that nobody else drives.

use std::convert::Infallible;
use std::time::Duration;

use super::serve::SharedFleet;

impl SharedFleet {
    /// Makes everything happen when it is due, for as long as it is polled.
    ///
    /// The fleet's clock runs this many times as fast as tokio's.
    pub async fn drive(&self, speed: u32) -> Infallible {
        let mut changes = self.changes();
        loop {
            let wait = self.with(|fleet| {
                let due = fleet.due()?;
                Duration::try_from(due.duration_since(fleet.now())).ok()
            });
            tokio::select! {
                biased;
                _ = changes.changed() => {}
                () = pause(wait.map(|wait| wait / speed.max(1))) => {}
            }
        }
    }
}

async fn pause(wait: Option<Duration>) {
    match wait {
        // Timers have a millisecond's resolution; never wake before the moment has come.
        Some(wait) => tokio::time::sleep(wait.max(Duration::from_millis(1))).await,
        None => std::future::pending().await,
    }
}
