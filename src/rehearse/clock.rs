//! Simulated time: tokio's clock, moved to a day of its own and sped up.

use jiff::Timestamp;
use tokio::time::Instant;

use crate::model::Clock;

/// A clock that follows tokio's. While tokio's time is paused, it stands still too.
#[derive(Clone, Copy, Debug)]
pub struct SimulatedClock {
    epoch: Timestamp,
    start: Instant,
    speed: u32,
}

impl SimulatedClock {
    /// Starts at this moment; a second of tokio's is this many of its own.
    pub fn starting(epoch: Timestamp, speed: u32) -> Self {
        Self {
            epoch,
            start: Instant::now(),
            speed,
        }
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        let passed = self.start.elapsed().saturating_mul(self.speed);
        self.epoch.checked_add(passed).unwrap_or(Timestamp::MAX)
    }
}
