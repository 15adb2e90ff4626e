//! What can be wrong with a machine, and what the world does to machines from outside.

use jiff::Timestamp;

use crate::model::NodeName;

use super::config::{ConfigError, MachineConfig};
use super::fleet::Fleet;
use super::machine::Machine;

/// What is wrong with a machine right now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is wrong or not, in any combination"
)]
pub struct Ailments {
    /// Its next restart is its last.
    pub never_returns: bool,
    /// Nobody reaches it, and it reaches nobody.
    pub cut_off: bool,
    /// Its clock is wrong and no time server answers.
    pub clock_is_off: bool,
    /// The registry does not have its installer.
    pub image_missing: bool,
    /// Its disk is so slow that etcd takes minutes.
    pub slow_disk: bool,
    /// It cannot read its disks, and tells of them without what they hold.
    pub unread_disks: bool,
}

impl Fleet {
    /// Tells a machine whether its Kubernetes node is ready.
    pub fn set_node_ready(&mut self, name: &NodeName, ready: bool) {
        self.change_if(name, |machine| machine.set_node_ready(ready));
    }

    /// Changes what is wrong with a machine.
    pub fn afflict(&mut self, name: &NodeName, change: impl FnOnce(&mut Ailments)) {
        self.change(name, |machine, etcd| machine.afflict(etcd, change));
    }

    /// Breaks every connection to a machine that is open now.
    pub fn break_connections(&mut self, name: &NodeName) {
        self.change(name, |machine, _| machine.break_connections());
    }

    /// Puts right whatever is wrong with the machines, and gives power to those that are off.
    pub fn heal(&mut self) {
        let names: Vec<NodeName> = self
            .machines()
            .iter()
            .map(|it| it.spec().name.clone())
            .collect();
        for name in names {
            self.afflict(&name, |ails| *ails = Ailments::default());
            self.power_on(&name);
        }
    }

    /// Makes the machine's next restart its last.
    pub fn never_return(&mut self, name: &NodeName) {
        self.afflict(name, |ails| ails.never_returns = true);
    }

    /// Cuts a machine's power.
    pub fn power_off(&mut self, name: &NodeName) {
        self.change(name, Machine::power_off);
    }

    /// Gives power to a machine that is off.
    pub fn power_on(&mut self, name: &NodeName) {
        let now = self.now();
        self.change(name, |machine, _| machine.power_on(now));
    }

    /// Replaces a machine's disks by blank ones and restarts it.
    pub fn erase(&mut self, name: &NodeName) {
        let now = self.now();
        self.change(name, |machine, etcd| machine.erase(now, etcd));
    }

    /// Removes a machine from etcd's members, as a person does for one that lost its disk.
    pub fn forget_member(&mut self, name: &NodeName) {
        self.change(name, |machine, etcd| etcd.remove(&machine.spec().name));
    }

    /// Installs a machine with a configuration as if that had happened before the story begins.
    pub fn preinstall(&mut self, name: &NodeName, config: &[u8]) -> Result<(), ConfigError> {
        let config = MachineConfig::parse(config)?;
        let now: Timestamp = self.now();
        self.change(name, |machine, _| machine.preinstall(config, now));
        Ok(())
    }
}
