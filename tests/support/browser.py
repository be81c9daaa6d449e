#!/usr/bin/env python3
"""browser.py PAGE DAMAGED [SHOTS]: look at a page of weir report in headless Chromium.

At the width of a phone and of a desktop, light and dark: it loads without a word on the console, fetches
nothing, runs nothing, does not scroll sideways, can be read (contrast), and its picture of the segments shows
DAMAGED damaged blocks, none of them too narrow to see. With SHOTS a folder, pictures of it go there. Exit 77 where
there is no Chromium.
"""
import base64
import ctypes
import fcntl
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

SECONDS = 60
PR_SET_CHILD_SUBREAPER = 36  # <linux/prctl.h>

# Everything that the page must keep, as one object. The policy of the page does not hold for its debugger.
FACTS = """(() => {
    const light = c => {
        const [r, g, b] = c.match(/[\\d.]+/g).slice(0, 3).map(v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = e => {
        for (; e; e = e.parentElement) {
            const c = getComputedStyle(e).backgroundColor;
            if (!/rgba\\(.*, 0\\)/.test(c)) return c;
        }
        return 'rgb(255, 255, 255)';
    };
    const contrast = e => {
        const [a, b] = [light(getComputedStyle(e).color), light(behind(e))].sort((x, y) => y - x);
        return (a + 0.05) / (b + 0.05);
    };
    const texts = [...document.querySelectorAll('p,dd,dt,td,th,h1,h2,h3,code,small,summary,figcaption,li span')];
    const damaged = [...document.querySelectorAll('#picture rect.damaged')];
    return {
        wide: document.documentElement.scrollWidth, window: window.innerWidth,
        loaded: performance.getEntriesByType('resource').map(r => r.name),
        active: document.querySelectorAll('script,iframe,object,embed,img,form,input,base').length
            + [...document.querySelectorAll('*')].filter(e => [...e.attributes].some(a => /^on|^javascript:/i.test(a.name + a.value))).length,
        ran: 'hacked' in window,
        damaged: damaged.reduce((n, r) => n + Number(r.dataset.things), 0),
        narrow: damaged.filter(r => r.getBoundingClientRect().width < 1.5 || r.getBoundingClientRect().height < 10).length,
        bands: [...document.querySelectorAll('#picture svg')].filter(s => s.getBoundingClientRect().width > 200).length,
        paper: getComputedStyle(document.body).backgroundColor,
        faint: texts.filter(e => e.textContent.trim() && contrast(e) < 4.5).map(e => e.outerHTML.slice(0, 80)),
        height: document.documentElement.scrollHeight,
        ids: (ids => ids.filter((x, i) => ids.indexOf(x) !== i))([...document.querySelectorAll('[id]')].map(e => e.id)),
    };
})()"""


class Browser:
    """Chromium, spoken to through its debugging pipe: messages end with a zero byte."""

    def __init__(self, program, profile):
        to_read, self.write = os.pipe()
        self.read, to_write = os.pipe()

        def take_places():  # Chromium reads 3 and writes 4
            away = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (to_read, to_write)]
            for place, fd in zip((3, 4), away):
                os.dup2(fd, place)

        self.process = subprocess.Popen(
            [program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--hide-scrollbars", "--disable-background-networking", "--remote-debugging-pipe",
             f"--user-data-dir={profile}"],
            preexec_fn=take_places, pass_fds=(3, 4), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for fd in (to_read, to_write):
            os.close(fd)
        self.number, self.rest, self.events = 0, b"", []

    def end(self):
        """And all that it started, which write into the profile until they notice: they are children of
        this process from then on, and end by themselves."""
        self.process.kill()
        self.process.wait()
        try:
            while True:
                os.wait()
        except ChildProcessError:
            pass

    def message(self):
        while b"\0" not in self.rest:
            more = os.read(self.read, 1 << 16)
            if not more:
                sys.exit("browser.py: Chromium ended")
            self.rest += more
        text, self.rest = self.rest.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, session=None, **parameters):
        self.number += 1
        wanted = {"id": self.number, "method": method, "params": parameters}
        if session:
            wanted["sessionId"] = session
        os.write(self.write, json.dumps(wanted).encode() + b"\0")
        while True:
            got = self.message()
            if got.get("id") != self.number:
                self.events.append(got)
                continue
            if "error" in got:
                sys.exit(f"browser.py: {method}: {got['error']}")
            return got["result"]

    def await_event(self, method):
        while not any(e.get("method") == method for e in self.events):
            self.events.append(self.message())

    def look(self, url, width, scheme, shot):
        self.events = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        s = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable", s)
        self.call("Emulation.setDeviceMetricsOverride", s, width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", s, features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.events = []
        self.call("Page.navigate", s, url=url)
        self.await_event("Page.loadEventFired")
        facts = self.call("Runtime.evaluate", s, expression=FACTS, returnByValue=True)
        if "value" not in facts["result"]:
            sys.exit(f"browser.py: {facts}")
        if shot:
            picture = self.call("Page.captureScreenshot", s, captureBeyondViewport=True, clip={
                "x": 0, "y": 0, "width": width, "height": min(facts["result"]["value"]["height"], 6000), "scale": 1})
            shot.write_bytes(base64.b64decode(picture["data"]))
        said = [e for e in self.events
                if e.get("method") in ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")]
        self.call("Target.closeTarget", targetId=target)
        return facts["result"]["value"], said


def wrong(facts, said, damaged):
    for what in said:
        yield f"the console says {json.dumps(what)[:300]}"
    if facts["wide"] > facts["window"]:
        yield f"it scrolls sideways: {facts['wide']} in a window of {facts['window']}"
    if facts["loaded"]:
        yield f"it fetches {facts['loaded']}"
    if facts["active"] or facts["ran"]:
        yield f"{facts['active']} elements that do something; a script ran: {facts['ran']}"
    if facts["damaged"] != damaged:
        yield f"the picture shows {facts['damaged']} damaged blocks, not {damaged}"
    if facts["narrow"]:
        yield f"{facts['narrow']} damages are too small to see"
    if not facts["bands"]:
        yield "there is no picture of segments"
    if facts["ids"]:
        yield f"ids that come twice: {facts['ids']}"
    for text in facts["faint"][:5]:
        yield f"too little contrast: {text}"


def main():
    page, damaged = pathlib.Path(sys.argv[1]).resolve(), int(sys.argv[2])
    shots = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else None
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not program:
        print("skipped: no chromium (Debian's package chromium)")
        return 77
    signal.alarm(SECONDS)
    if ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        sys.exit("browser.py: the kernel gives no orphans to this process")
    findings, papers = [], set()
    with tempfile.TemporaryDirectory() as profile:
        browser = Browser(program, profile)
        try:
            for width in (375, 1280):
                for scheme in ("light", "dark"):
                    name = f"{page.stem}-{width}-{scheme}"
                    facts, said = browser.look(page.as_uri(), width, scheme, shots and shots / f"{name}.png")
                    papers.add((scheme, facts["paper"]))
                    findings += [f"{width} px, {scheme}: {what}" for what in wrong(facts, said, damaged)]
        finally:
            browser.end()
    if len({paper for _, paper in papers}) != 2:
        findings.append(f"light and dark are not two: {sorted(papers)}")
    print("\n".join(findings), end="\n" if findings else "")
    return 1 if findings else 0


sys.exit(main())
