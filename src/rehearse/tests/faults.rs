//! Each fault by itself: the run converges, or stops with the right words and, once the cause is put
//! right, converges.

use super::*;

/// Plays a fault at its natural step.
fn with(fault: &str, mend: bool) -> Rehearsed {
    let script = Script {
        faults: vec![fault.parse().expect("a fault")],
        mend,
        ..Script::default()
    };
    let told = rehearse(&stage(), &script);
    assert_eq!(told.report.violations, [], "{fault}");
    let struck = &told.faults[0];
    assert!(struck.at.is_some(), "{fault} struck: {struck:?}");
    told
}

#[test]
fn what_passes_by_itself_is_waited_out() {
    for fault in [
        "lost-reply",
        "lost-reply@install",
        "lost-reply@kubeconfig",
        "lost-reply@lease",
        "lost-reply@apply/charts",
        "lost-reply@remove-chart-runner",
        "network-outage",
        "network-outage@bootstrap-etcd",
        "slow-etcd",
        "slow-etcd@apply/instance",
        "api-flapping",
        "api-flapping@reconciled",
        "clock-skew",
    ] {
        let told = with(fault, false);
        assert_converged(&told, fault);
        assert_eq!(told.attempts.len(), 1, "{fault}");
        assert_whole(&told.report, fault);
    }
}

#[test]
fn a_killed_run_is_started_again_at_any_step() {
    for fault in [
        "operator-killed",
        "operator-killed@install",
        "operator-killed@verify",
    ] {
        let told = with(fault, false);
        assert_converged(&told, fault);
        assert_eq!(told.attempts.len(), 2, "{fault}");
        assert!(told.killed().is_some(), "{fault}");
        assert_whole(&told.report, fault);
    }
}

/// What stays broken: the likely cause that is named.
#[test]
fn what_stays_broken_is_diagnosed_and_mended() {
    for (fault, expected) in [
        (
            "node-never-returns",
            "the machine is off, has another address, or did not start from its disk",
        ),
        (
            "image-404",
            "the machine started from its boot medium again instead of its disk",
        ),
        ("full-etcd", "the API cannot write: its etcd is full"),
        ("pod-image-404", "an image cannot be pulled"),
        ("pod-image-404@apply/charts", "an image cannot be pulled"),
        (
            "vip-taken@vip",
            "another device answers at this address, or a proxy stands in between",
        ),
        (
            "control-plane-unreachable@etcd-members",
            "the machine is off, has another address, or did not start from its disk",
        ),
    ] {
        let told = with(fault, true);
        let End::Over(Err(error)) = &told.attempts[0].end else {
            panic!("{fault}: {:?}", told.attempts[0]);
        };
        let RunError::Step { diagnosis, .. } = error else {
            panic!("{fault}: no diagnosis: {error:?}");
        };
        assert_eq!(diagnosis.cause, expected, "{fault}: {error}");
        assert_converged(&told, fault);
        assert_whole(&told.report, fault);
    }
}

#[test]
fn what_is_wrong_from_the_beginning_is_refused_before_anything_is_touched() {
    for (fault, fence, words) in [
        (
            "control-plane-unreachable",
            Fence::ControlPlaneUnreachable,
            "--without",
        ),
        ("vip-taken", Fence::VipTaken, "virtual IP"),
    ] {
        let told = with(fault, false);
        let Some(End::Over(Err(RunError::Refused { refusals, .. }))) = told.end() else {
            panic!("{fault}: {:?}", told.end());
        };
        let fences: Vec<_> = refusals.iter().map(|it| it.fence).collect();
        assert_eq!(fences, [fence], "{fault}");
        let said = format!("{} {}", refusals[0].message, refusals[0].remedy);
        assert!(said.contains(words), "{fault}: {said}");
        assert_eq!(told.report.mutations, [], "{fault}");
        assert_eq!(told.report.wipes, [], "{fault}");
        let mended = with(fault, true);
        assert_converged(&mended, fault);
        assert_whole(&mended.report, fault);
    }
}

#[test]
fn a_control_plane_that_falls_silent_before_the_bootstrap_is_named_and_waited_for() {
    let told = with("control-plane-unreachable@bootstrap-etcd", true);
    let End::Over(Err(RunError::Refused { refusals, .. })) = &told.attempts[0].end else {
        panic!("{:?}", told.attempts[0]);
    };
    let fences: Vec<_> = refusals.iter().map(|it| it.fence).collect();
    assert_eq!(fences, [Fence::ControlPlaneUnreachable]);
    assert_converged(&told, "it comes back");
    assert_whole(&told.report, "it comes back");
}

/// What a fault looks like on the page: a mark, and two runs with their steps.
#[test]
fn a_story_has_every_step_and_every_fault() {
    let script = Script {
        faults: vec!["operator-killed@apply/charts".parse().expect("a fault")],
        ..Script::default()
    };
    let told = rehearse(&stage(), &script);
    let story = Story::new(&reference_cluster(), &script, &told);
    let started = told
        .events
        .iter()
        .filter(|event| matches!(event.kind, crate::execute::EventKind::Started { .. }));
    assert_eq!(story.bars().len(), started.count());
    assert_eq!(story.runs.len(), 2);
    assert_eq!(
        story.marks.len(),
        2,
        "the fault, and the kill: {:?}",
        story.marks
    );
    let cut: Vec<_> = story
        .bars()
        .into_iter()
        .filter(|bar| bar.end == BarEnd::CutOff)
        .collect();
    assert!(
        !cut.is_empty(),
        "the run was killed in the middle of a step"
    );
    for lane in story.lanes.iter().filter(|lane| !lane.bands.is_empty()) {
        let gapless = lane.bands.windows(2).all(|pair| pair[0].to == pair[1].from);
        let (first, last) = (&lane.bands[0], &lane.bands[lane.bands.len() - 1]);
        assert!(
            gapless && first.from == 0 && last.to == story.length,
            "{lane:?}"
        );
        assert_eq!(last.standing, machine::Standing::Ready);
    }
}
