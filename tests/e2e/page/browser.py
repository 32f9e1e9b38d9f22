"""A headless Chromium, driven over its DevTools pipe. Standard library only.

Every wait has a deadline and is for something that happens, never for time to pass.
"""
import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


def find_chromium():
    """The path of the browser, or None."""
    return next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


class BrowserError(Exception):
    """The browser refused, died, or did not answer in time."""


class Browser:
    """One browser process. Use as a context manager: it ends with the block."""

    def __init__(self, path):
        self.profile = tempfile.TemporaryDirectory(prefix="troupe-page-", ignore_cleanup_errors=True)
        to_browser_read, self.to_browser = os.pipe()
        self.from_browser, from_browser_write = os.pipe()
        arguments = ["--headless=new", "--remote-debugging-pipe", "--no-first-run",
                     "--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions",
                     "--disable-background-networking", "--disable-component-update",
                     "--force-color-profile=srgb", "--hide-scrollbars", "--lang=en",
                     f"--user-data-dir={self.profile.name}", "about:blank"]
        if os.geteuid() == 0:
            arguments.insert(0, "--no-sandbox")  # Chromium has no sandbox for root

        # The pipe is on the descriptors 3 and 4; a shell puts them there.
        command = f'exec "$0" "$@" 3<&{to_browser_read} 4>&{from_browser_write}'
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(["sh", "-c", command, path, *arguments],
                                        pass_fds=(to_browser_read, from_browser_write),
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        os.close(to_browser_read)
        os.close(from_browser_write)
        self.last_id = 0
        self.buffer = b""
        self.events = []

    def __enter__(self):
        return self

    def __exit__(self, *what):
        try:
            self.call("Browser.close")
        except BrowserError:
            pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.to_browser)
        os.close(self.from_browser)
        self.log.close()
        self.profile.cleanup()

    def call(self, method, session=None, timeout=30, **params):
        """Sends one DevTools command and returns its result."""
        self.last_id += 1
        message = {"id": self.last_id, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        try:
            os.write(self.to_browser, json.dumps(message).encode() + b"\0")
        except BrokenPipeError:
            raise BrowserError(f"the browser is gone: {self.last_words()}") from None
        deadline = time.monotonic() + timeout
        while True:
            answer = self._read(deadline, method)
            if answer.get("id") == self.last_id:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            if "method" in answer:
                self.events.append(answer)

    def last_words(self):
        self.log.seek(0)
        return self.log.read()[-800:].decode(errors="replace")

    def _read(self, deadline, waiting_for):
        while b"\0" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.from_browser], [], [], left)[0]:
                raise BrowserError(f"no answer to {waiting_for}: {self.last_words()}")
            more = os.read(self.from_browser, 1 << 16)
            if not more:
                raise BrowserError(f"the browser is gone: {self.last_words()}")
            self.buffer += more
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def open(self, url, width, height, mobile=False, dark=True, scale=1, calm=False):
        """A page of its own with this many CSS pixels."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        page.call("Page.enable")
        page.call("Runtime.enable")
        page.call("Log.enable")
        page.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=scale, mobile=mobile)
        if mobile:
            page.call("Emulation.setTouchEmulationEnabled", enabled=True)
        page.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if calm else "no-preference"}])
        page.call("Page.setLifecycleEventsEnabled", enabled=True)
        # The blank page a tab begins with has a life of its own: wait for this one's.
        navigation = page.call("Page.navigate", url=url)
        if "errorText" in navigation:
            raise BrowserError(f"{url}: {navigation['errorText']}")
        self.wait_event("Page.lifecycleEvent", session, name="load",
                        loaderId=navigation["loaderId"])
        return page

    def wait_event(self, method, session, timeout=30, **wanted):
        """Waits for an event of a tab, with these parameters; finds it if it came already."""
        deadline = time.monotonic() + timeout
        while True:
            for event in self.events:
                if (event["method"] == method and event.get("sessionId") == session
                        and wanted.items() <= event["params"].items()):
                    return event
            event = self._read(deadline, method)
            if "method" in event:
                self.events.append(event)


class Page:
    """One tab."""

    def __init__(self, browser, session):
        self.browser = browser
        self.session = session

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def run(self, script):
        """The value of a JavaScript expression; promises are awaited."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True,
                           awaitPromise=True, userGesture=True)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise BrowserError(details.get("exception", {}).get("description") or details["text"])
        return answer["result"].get("value")

    def wait_for(self, script, what, timeout=20):
        """Waits until the expression is true, looking once a frame; returns its value."""
        looking = f"""new Promise((done, fail) => {{
          const until = performance.now() + {timeout * 1000};
          const look = () => {{
            let value;
            try {{ value = ({script}); }} catch (error) {{ value = null; }}
            if (value) done(value);
            else if (performance.now() > until) fail(new Error("deadline"));
            else setTimeout(look, 10);
          }};
          look();
        }})"""
        try:
            return self.run(looking)
        except BrowserError as error:
            text = self.run("document.body ? document.body.innerText.slice(0, 600) : ''")
            raise BrowserError(f"waited {timeout} s for: {what} ({error}); the page says: {text}") from None

    def key(self, key, text=""):
        """Presses a key, as a keyboard does."""
        codes = {"Tab": 9, "Enter": 13, "ArrowRight": 39, "ArrowLeft": 37, "Escape": 27}
        code = codes.get(key, ord(key.upper()) if len(key) == 1 else 0)
        typed = text or (key if len(key) == 1 else {"Enter": "\r"}.get(key, ""))
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, text=typed,
                  windowsVirtualKeyCode=code)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def click(self, selector):
        """Clicks with the mouse into the middle of the first element that fits."""
        box = self.wait_for(f"""(() => {{
          const element = document.querySelector({json.dumps(selector)});
          element.scrollIntoView({{block: "center", behavior: "instant"}});
          const box = element.getBoundingClientRect();
          return box.width > 0 && {{x: box.x + box.width / 2, y: box.y + box.height / 2}};
        }})()""", f"{selector} to be there")
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=box["x"], y=box["y"],
                      button="none" if kind == "mouseMoved" else "left", clickCount=1)

    def screenshot(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def complaints(self):
        """Errors the page logged so far."""
        found = []
        for event in self.browser.events:
            if event.get("sessionId") != self.session:
                continue
            params = event["params"]
            if event["method"] == "Runtime.exceptionThrown":
                details = params["exceptionDetails"]
                found.append(details.get("exception", {}).get("description") or details["text"])
            elif event["method"] == "Log.entryAdded" and params["entry"]["level"] == "error":
                found.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
        return found
