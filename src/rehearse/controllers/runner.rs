//! The Job that installs charts before Git takes over: its Helm commands, carried out.
//!
//! The commands are read from the Job itself (its arguments and the ConfigMaps that it mounts), so
//! a Job that would install nothing in a real cluster installs nothing here.

use serde_json::Value;

use super::Controllers;
use super::charts::Release;
use super::helm::Progress;
use super::status;
use crate::rehearse::kubernetes::key_of;

/// Tells whether a Job runs Helm.
pub(super) fn runs_charts(job: &Value) -> bool {
    let containers = job["spec"]["template"]["spec"]["containers"].to_string();
    containers.contains("helm")
}

impl Controllers {
    pub(super) fn run_chart_runner(&mut self) {
        for job in self.all("batch", "jobs") {
            let is_running = job["status"]["ready"] == 1 && !status::is_true(&job, "Complete");
            if is_running && runs_charts(&job) && self.run_commands(&job) {
                self.complete(&job);
            }
        }
    }

    /// Carries out one command after the other; tells whether all are done.
    fn run_commands(&mut self, job: &Value) -> bool {
        let mut text = script(&job["spec"]["template"]["spec"]["containers"]);
        let namespace = key_of(job).0;
        let volumes = job["spec"]["template"]["spec"]["volumes"].as_array();
        for volume in volumes.into_iter().flatten() {
            let Some(name) = volume["configMap"]["name"].as_str() else {
                continue;
            };
            // A pod whose ConfigMap is missing does not start.
            let Some(map) = self.find("v1", "ConfigMap", &namespace, name) else {
                return false;
            };
            for file in map["data"].as_object().into_iter().flatten() {
                text.push('\n');
                text.push_str(file.1.as_str().unwrap_or_default());
            }
        }
        let releases = releases(&text);
        releases
            .iter()
            .all(|release| matches!(self.install(release, "helm", None), Progress::Done { .. }))
    }
}

/// Returns commands and arguments of all containers, as one text.
fn script(containers: &Value) -> String {
    let mut words = Vec::new();
    for container in containers.as_array().into_iter().flatten() {
        for name in ["command", "args"] {
            let list = container[name].as_array();
            words.extend(list.into_iter().flatten().filter_map(Value::as_str));
        }
        words.push("\n");
    }
    words.join(" ")
}

/// Reads the `helm upgrade --install` commands of a script.
fn releases(script: &str) -> Vec<Release> {
    let joined = script.replace("\\\n", " ");
    let commands = joined.split(['\n', ';']).flat_map(|line| line.split("&&"));
    commands.filter_map(release).collect()
}

fn release(command: &str) -> Option<Release> {
    let words: Vec<&str> = command
        .split_whitespace()
        .map(|word| word.trim_matches(['"', '\'']))
        .collect();
    let start = words
        .windows(2)
        .position(|pair| pair == ["helm", "upgrade"])?;
    let (mut named, mut plain, mut rest) = (Vec::new(), Vec::new(), words[start + 2..].iter());
    while let Some(word) = rest.next() {
        match word.strip_prefix("--") {
            Some(flag) => match flag.split_once('=') {
                Some(pair) => named.push(pair),
                None if TAKES_VALUE.contains(&flag) => named.push((flag, rest.next()?)),
                None => {}
            },
            None if matches!(*word, "-f" | "-n") => named.push((&word[1..], rest.next()?)),
            None => plain.push(*word),
        }
    }
    let [name, chart, ..] = plain.as_slice() else {
        return None;
    };
    let flag = |wanted: &[&str]| {
        let found = named.iter().find(|(name, _)| wanted.contains(name));
        found.map_or("", |(_, value)| *value).to_owned()
    };
    Some(Release {
        name: (*name).to_owned(),
        namespace: flag(&["namespace", "n"]),
        chart: chart.rsplit('/').next().unwrap_or_default().to_owned(),
        version: flag(&["version"]),
        waits: words.contains(&"--wait"),
    })
}

const TAKES_VALUE: &[&str] = &["namespace", "version", "values", "repo", "timeout", "set"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helm_commands_are_read_from_a_script() {
        let script = "set -eu\nhelm upgrade --install cilium \\\n  oci://quay.io/cilium/charts/cilium \
            --version 1.20.1 --namespace kube-system --values /v/cilium.yaml --server-side=false\n\
            helm upgrade kube-vip kube-vip --install --repo https://x --version=0.9.9 -n kube-system";
        let names: Vec<_> = releases(script)
            .into_iter()
            .map(|r| (r.name, r.namespace, r.chart, r.version))
            .collect();
        let expect = |n: &str, c: &str, v: &str| {
            (
                n.to_owned(),
                "kube-system".to_owned(),
                c.to_owned(),
                v.to_owned(),
            )
        };
        assert_eq!(
            names,
            [
                expect("cilium", "cilium", "1.20.1"),
                expect("kube-vip", "kube-vip", "0.9.9")
            ]
        );
    }
}
