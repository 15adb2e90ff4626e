//! What is wrong in a world right now, beside what is wrong with its machines.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::connect::Verdict;
use crate::rehearse::killer::Killer;

/// How etcd is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EtcdState {
    /// It answers.
    #[default]
    Well,
    /// It answers late, and sometimes too late.
    Slow,
    /// It takes no more writes.
    Full,
}

/// Whether a workload's image is missing.
#[derive(Debug, Default)]
enum Image {
    /// Every registry has everything.
    #[default]
    There,
    /// The next workload's will be missing.
    Lost,
    /// This workload's is.
    MissedBy(String),
}

/// What becomes of the reply to a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is sent.
    Arrives,
    /// It never arrives.
    Lost,
}

/// What is wrong in a world right now.
#[derive(Debug, Default)]
pub struct Ongoing {
    state: Mutex<State>,
    /// Grows whenever open connections to the Kubernetes API break.
    api: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    lost_replies: u32,
    etcd: EtcdState,
    api_is_down: bool,
    vip_is_taken: bool,
    image: Image,
    late: u32,
    /// Who may end the run between a change and its reply.
    killer: Option<Arc<Killer>>,
}

impl Ongoing {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the reply to the next change get lost.
    pub(super) fn lose_a_reply(&self) {
        self.state().lost_replies += 1;
    }

    /// Tells what becomes of the reply to a change that was just made.
    pub fn fate_of_reply(&self, what: &str) -> Fate {
        let mut state = self.state();
        if state.lost_replies > 0 {
            state.lost_replies -= 1;
            return Fate::Lost;
        }
        let killer = state.killer.clone();
        drop(state);
        match killer.map(|killer| killer.done(what)) {
            Some(Verdict::Cut) => Fate::Lost,
            _ => Fate::Arrives,
        }
    }

    /// Names who may end the run between a change and its reply.
    pub fn attend(&self, killer: &Arc<Killer>) {
        self.state().killer = Some(Arc::clone(killer));
    }

    /// Returns how etcd is.
    pub fn etcd(&self) -> EtcdState {
        self.state().etcd
    }

    pub(super) fn set_etcd(&self, etcd: EtcdState) {
        self.state().etcd = etcd;
    }

    /// Tells whether a write comes too late in a slow etcd: every third does.
    pub fn is_too_late(&self) -> bool {
        let mut state = self.state();
        state.late += 1;
        state.etcd == EtcdState::Slow && state.late.is_multiple_of(3)
    }

    /// Tells whether no API server answers just now.
    pub fn is_api_down(&self) -> bool {
        self.state().api_is_down
    }

    pub(super) fn set_api_down(&self, is_down: bool) {
        self.state().api_is_down = is_down;
        self.break_api_connections();
    }

    /// Breaks every connection to the Kubernetes API that is open now.
    pub fn break_api_connections(&self) {
        self.api.send_modify(|count| *count += 1);
    }

    /// Returns what tells when connections to the Kubernetes API break.
    pub fn api_connections(&self) -> watch::Receiver<u64> {
        self.api.subscribe()
    }

    /// Tells whether another device answers at the virtual IP.
    pub fn is_vip_taken(&self) -> bool {
        self.state().vip_is_taken
    }

    pub(super) fn set_vip_taken(&self, is_taken: bool) {
        self.state().vip_is_taken = is_taken;
    }

    /// Lets the image of the next workload that starts be missing.
    pub(super) fn lose_an_image(&self) {
        self.state().image = Image::Lost;
    }

    /// Tells whether no registry has the image of a workload that starts.
    pub fn lacks_image(&self, workload: &str) -> bool {
        let image = &mut self.state().image;
        if matches!(image, Image::Lost) {
            *image = Image::MissedBy(workload.to_owned());
        }
        matches!(image, Image::MissedBy(missed) if missed == workload)
    }

    /// Puts everything right.
    pub(super) fn heal(&self) {
        let mut state = self.state();
        let killer = state.killer.take();
        *state = State {
            killer,
            ..State::default()
        };
    }
}
