"""A headless Chromium, driven over its remote-debugging protocol by the standard library."""

import base64
import json
import os
import secrets
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 60.0
KEYS = {
    "Enter": ("Enter", 13, "\r"),
    "Tab": ("Tab", 9, ""),
    "Escape": ("Escape", 27, ""),
    "Backspace": ("Backspace", 8, ""),
    "ArrowLeft": ("ArrowLeft", 37, ""),
    "ArrowUp": ("ArrowUp", 38, ""),
    "ArrowRight": ("ArrowRight", 39, ""),
    "ArrowDown": ("ArrowDown", 40, ""),
}


def program() -> str | None:
    """Return the path of a Chromium, if there is one."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


def wait_for(found: Callable[[], Any], what: str) -> Any:
    """Return what becomes true, or fail."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if value := found():
            return value
        time.sleep(0.02)
    raise TimeoutError(f"waited {PATIENCE:.0f} s for {what}")


class WebSocket:
    """As much of RFC 6455 as a client of one local server needs."""

    def __init__(self, port: int, path: str) -> None:
        # A socket of our own: no proxy of the environment comes between.
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self.rest = b""
        while b"\r\n\r\n" not in self.rest:
            self.rest += self._receive()
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        assert b" 101 " in head.split(b"\r\n")[0], head

    def _receive(self) -> bytes:
        got = self.socket.recv(1 << 16)
        if not got:
            raise ConnectionError("the browser went away")
        return got

    def _take(self, count: int) -> bytes:
        while len(self.rest) < count:
            self.rest += self._receive()
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def send(self, text: str) -> None:
        content, mask = text.encode(), secrets.token_bytes(4)
        if len(content) < 126:
            head = struct.pack("!BB", 0x81, 0x80 | len(content))
        elif len(content) < 1 << 16:
            head = struct.pack("!BBH", 0x81, 0x80 | 126, len(content))
        else:
            head = struct.pack("!BBQ", 0x81, 0x80 | 127, len(content))
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(content))
        self.socket.sendall(head + mask + masked)

    def receive(self) -> str:
        content, final = b"", False
        while not final:
            first, second = self._take(2)
            size = second & 0x7F
            if size == 126:
                (size,) = struct.unpack("!H", self._take(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", self._take(8))
            part = self._take(size)
            if first & 0x0F in (0, 1):
                content, final = content + part, bool(first & 0x80)
        return content.decode()

    def close(self) -> None:
        self.socket.close()


class Browser:
    """One browser with one page.

    Attributes:
        events: Everything that the page reported: requests, messages, exceptions.
    """

    def __init__(self, executable: str, folder: Path) -> None:
        self.profile, self.downloads = folder / "profile", folder / "downloads"
        self.downloads.mkdir(parents=True)
        self.log = open(folder / "log.txt", "wb")  # noqa: SIM115
        environment = {
            name: value for name, value in os.environ.items() if "proxy" not in name.lower()
        }
        self.process = subprocess.Popen(
            [
                executable, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--disable-dev-shm-usage", f"--user-data-dir={self.profile}",
                "--remote-debugging-port=0", "about:blank",
            ],
            stdout=self.log, stderr=self.log, env=environment,
        )  # fmt: skip
        self.events: list[dict[str, Any]] = []
        self.count = 0
        self.session: str | None = None
        try:
            self.socket = WebSocket(*wait_for(self._address, "the browser"))
            self.call("Browser.setDownloadBehavior", behavior="allow",
                      downloadPath=str(self.downloads), eventsEnabled=True)  # fmt: skip
            target = self.call("Target.createTarget", url="about:blank")["targetId"]
            found = self.call("Target.attachToTarget", targetId=target, flatten=True)
            self.session = found["sessionId"]
            for domain in ("Page", "Runtime", "Network", "Log"):
                self.call(f"{domain}.enable")
        except BaseException:
            self.close()
            raise

    def _address(self) -> tuple[int, str] | None:
        file = self.profile / "DevToolsActivePort"
        lines = file.read_text().split("\n") if file.is_file() else []
        return (int(lines[0]), lines[1]) if len(lines) > 1 else None

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its result."""
        self.count += 1
        message: dict[str, Any] = {"id": self.count, "method": method, "params": parameters}
        if self.session is not None and not method.startswith(("Browser.", "Target.")):
            message["sessionId"] = self.session
        self.socket.send(json.dumps(message))
        while True:
            answer = json.loads(self.socket.receive())
            if answer.get("id") == self.count:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def read(self, expression: str) -> Any:
        """Return the value of an expression in the page."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def open(self, address: str) -> None:
        """Go to a page and wait until it is there."""
        self._load("Page.navigate", url=address)

    def reload(self) -> None:
        """Load the page anew."""
        self._load("Page.reload")

    def _load(self, method: str, **parameters: str) -> None:
        start = len(self.events)
        self.call(method, **parameters)
        while not any(each.get("method") == "Page.loadEventFired" for each in self.events[start:]):
            self.events.append(json.loads(self.socket.receive()))

    def press(self, *keys: str) -> None:
        """Press keys one after another, as a keyboard does: a named key, or a sign."""
        for key in keys:
            # The number of a sign that is no letter would be that of another key.
            sign = ("", ord(key.upper()) if len(key) == 1 and key.isalnum() else 0, key)
            code, number, text = KEYS.get(key, sign)
            event = {"key": key, "code": code, "windowsVirtualKeyCode": number}
            down = "keyDown" if text else "rawKeyDown"
            self.call("Input.dispatchKeyEvent", type=down, text=text, **event)
            self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    def downloaded(self) -> Path:
        """Return the one file that was saved; its name is there, empty, before it is whole."""

        def whole() -> bool:
            self.call("Browser.getVersion")  # takes in the events up to now
            return any(
                event.get("method") == "Browser.downloadProgress"
                and event["params"]["state"] == "completed"
                for event in self.events
            )

        wait_for(whole, "the saved file")
        (path,) = self.downloads.iterdir()
        return path

    def close(self) -> None:
        """End the browser."""
        if hasattr(self, "socket"):
            self.socket.close()
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(20)
        self.log.close()
