//! The page of a rehearsal in a real browser: it loads, says everything, asks nobody for anything,
//! and fits a phone.

use std::process::Command;

use camino::Utf8PathBuf;
use serde_json::Value;

use crate::support::{Case, Need, TestEnv, cases};

const BROWSER: &str = "chromium";
/// A phone, and a desk.
const WIDTHS: [u32; 2] = [360, 1280];

pub fn tests() -> Vec<Case> {
    let cases = cases![the_page_of_a_rehearsal_works_in_a_browser];
    cases
        .into_iter()
        .map(|case| case.needs(Need::Program(BROWSER)))
        .collect()
}

/// What the browser measured of the page at one width and in one colour scheme.
struct Measured {
    width: u64,
    content: u64,
    dark: bool,
    background: String,
    buttons: u64,
    resources: u64,
    detail: String,
    text: String,
}

fn the_page_of_a_rehearsal_works_in_a_browser() {
    let env = TestEnv::new();
    let root = env!("CARGO_MANIFEST_DIR");
    let run = env
        .homelab([
            "-C",
            root,
            "rehearse",
            "--output",
            "json",
            "--fault",
            "operator-killed",
            "--html",
            env.root().join("page.html").as_str(),
        ])
        .run()
        .success();
    let told: Value = serde_json::from_str(&run.stdout).expect("a document");
    let steps: Vec<&str> = told["timeline"]
        .as_array()
        .expect("events")
        .iter()
        .filter(|event| event["event"] == "started")
        .map(|event| event["step"].as_str().expect("a step's name"))
        .collect();
    let page = env.read("page.html");
    assert!(
        page.contains("default-src 'none'"),
        "the page's policy forbids every request"
    );
    let mut backgrounds = Vec::new();
    for dark in [false, true] {
        for width in WIDTHS {
            let seen = measure(&env, &page, width, dark);
            assert_eq!(seen.dark, dark, "the browser takes the colour scheme");
            assert!(
                seen.content <= seen.width,
                "{} of {} pixels",
                seen.content,
                seen.width
            );
            assert_eq!(seen.resources, 0, "the page asks for nothing");
            // Every step is a button, and every fault; one of them was chosen and tells its story.
            assert_eq!(seen.buttons, steps.len() as u64 + 2);
            assert!(seen.detail.contains("install/"), "{}", seen.detail);
            let missing: Vec<_> = steps
                .iter()
                .filter(|step| !seen.text.contains(**step))
                .collect();
            assert!(missing.is_empty(), "{missing:?}");
            backgrounds.push(seen.background);
        }
    }
    assert_ne!(backgrounds[0], backgrounds[2], "dark is not light");
}

/// Opens the page in a frame of this width and asks it about itself.
fn measure(env: &TestEnv, page: &str, width: u32, dark: bool) -> Measured {
    let framed = page.replace('&', "&amp;").replace('"', "&quot;");
    let harness = format!(
        "<!doctype html><body><iframe style=\"border:0;width:{width}px;height:800px\" srcdoc=\"{framed}\">\
         </iframe><script>addEventListener('load', () => {{\
         const page = document.querySelector('iframe').contentDocument;\
         const buttons = page.querySelectorAll('button[data-row]');\
         [...buttons].find(it => it.dataset.row === 'step-1').click();\
         const told = document.createElement('script'); told.type = 'application/json'; told.id = 'told';\
         told.textContent = JSON.stringify({{\
         width: page.documentElement.clientWidth, content: page.documentElement.scrollWidth,\
         dark: page.defaultView.matchMedia('(prefers-color-scheme: dark)').matches,\
         background: page.defaultView.getComputedStyle(page.body).backgroundColor,\
         buttons: buttons.length,\
         resources: page.defaultView.performance.getEntriesByType('resource').length, detail: page.getElementById('detail').innerText,\
         text: page.querySelector('table').innerText}}).replaceAll('<', '\\\\u003c');\
         document.body.replaceChildren(told);}});</script>"
    );
    let name = format!("frame-{width}-{dark}.html");
    env.write(&name, harness);
    let dom = browse(env, &env.root().join(name), dark);
    let (_, told) = dom
        .split_once("id=\"told\">")
        .expect("the page was measured");
    let (told, _) = told.split_once("</script>").expect("the measure ends");
    let told: Value = serde_json::from_str(told).expect("the measure is JSON");
    let number = |name: &str| told[name].as_u64().expect("a number");
    let text = |name: &str| told[name].as_str().expect("a text").to_owned();
    Measured {
        width: number("width"),
        content: number("content"),
        dark: told["dark"] == true,
        background: text("background"),
        buttons: number("buttons"),
        resources: number("resources"),
        detail: text("detail"),
        text: text("text"),
    }
}

/// Runs the browser and returns the document as it became. Fails when the page complained, as it
/// does when something in it asks for what its own policy forbids. (What the browser asks for
/// itself is not the page's doing.)
fn browse(env: &TestEnv, page: &Utf8PathBuf, dark: bool) -> String {
    let profile = env.root().join("profile");
    let scheme = i32::from(!dark);
    let run = Command::new(BROWSER)
        .args([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-default-apps",
            "--disable-extensions",
            "--disable-features=NetworkTimeServiceQuerying",
            "--disable-dev-shm-usage",
            "--virtual-time-budget=3000",
            "--enable-logging=stderr",
            "--dump-dom",
        ])
        .arg(format!("--blink-settings=preferredColorScheme={scheme}"))
        .arg(format!("--user-data-dir={profile}"))
        .arg(format!("file://{page}"))
        .env("HOME", env.home())
        .output()
        .expect("the browser starts");
    let said = String::from_utf8_lossy(&run.stderr);
    let complaints: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("CONSOLE"))
        .collect();
    assert!(complaints.is_empty(), "{complaints:?}");
    String::from_utf8_lossy(&run.stdout).into_owned()
}
