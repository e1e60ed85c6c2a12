"""Fifty visitors drawing at once: no errors, answers within two seconds, memory that levels off.

    python benchmarks/load_websockets.py [--sessions 50] [--drawings 5] [--waves 4]

Each visitor has their own session over a websocket that speaks Streamlit's protocol, as a
browser does: it opens the Classify page and sends drawings as the canvas does, one every few
seconds. Waves of equal size follow each other; memory is read after each, when its visitors
have left.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "e2e")]
import harness  # noqa: E402

PAUSE = 5.0  # seconds that a visitor looks at an answer, on average
PATIENCE = harness.PATIENCE = 240.0  # seconds until a missing answer counts as an error
EARLY = ForwardMsg.FINISHED_EARLY_FOR_RERUN  # the page starts over by itself
SHIRT = (
    (70, 60),
    (186, 60),
    (230, 110),
    (200, 130),
    (186, 110),
    (186, 220),
    (70, 220),
    (70, 110),
    (56, 130),
    (26, 110),
    (70, 60),
)


def drawing(rng: random.Random) -> str:
    """A shirt unlike all drawn before, as the canvas sends it."""
    points = [[x + rng.randint(-9, 9), y + rng.randint(-9, 9)] for x, y in SHIRT]
    stroke = {"tool": "brush", "size": rng.randint(4, 14), "points": points}
    return json.dumps({"canvas": 256, "strokes": [stroke]})


class Visitor:
    """One session: a websocket, and what the server has sent it."""

    def __init__(self, socket):
        self.socket = socket
        self.canvas = None  # (id of the component, id of its fragment)
        self.page_script_hash = ""

    async def open(self) -> None:
        message = BackMsg()
        message.rerun_script.page_name = "classify"
        await self.socket.send(message.SerializeToString())
        await self._until_finished()

    async def draw(self, text: str) -> float:
        """Send a drawing; seconds until its answer arrives. Raises RuntimeError, TimeoutError."""
        message = BackMsg()
        message.rerun_script.page_script_hash = self.page_script_hash
        message.rerun_script.fragment_id = self.canvas[1]
        state = message.rerun_script.widget_states.widgets.add()
        state.id, state.json_value = self.canvas[0], json.dumps({"drawing": text})
        started = time.perf_counter()
        await self.socket.send(message.SerializeToString())
        shown = await self._until_finished()
        if 'class="answer"' not in shown:
            raise RuntimeError("there was no answer")
        return time.perf_counter() - started

    async def _until_finished(self) -> str:
        """HTML shown by the script run. Raises RuntimeError for an exception on the page."""
        shown = []
        while True:
            message = ForwardMsg()
            message.ParseFromString(await asyncio.wait_for(self.socket.recv(), PATIENCE))
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self.page_script_hash = message.new_session.page_script_hash
            elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
                self._note(message.delta, shown)
            elif kind == "script_finished" and message.script_finished != EARLY:
                return "".join(shown)

    def _note(self, delta, shown: list[str]) -> None:
        element = delta.new_element
        kind = element.WhichOneof("type")
        if kind == "exception":
            raise RuntimeError(f"the page failed: {element.exception.message}")
        if kind == "html":
            shown.append(element.html.body)
        if kind == "bidi_component" and "canvas" in element.bidi_component.component_name:
            self.canvas = element.bidi_component.id, delta.fragment_id


async def visit(url: str, drawings: int, rng: random.Random, times: list, errors: list) -> None:
    try:
        async with connect(
            f"{url.replace('http', 'ws', 1)}/_stcore/stream",
            subprotocols=["streamlit"],
            max_size=None,
            open_timeout=PATIENCE,
            ping_interval=None,
        ) as socket:
            visitor = Visitor(socket)
            await visitor.open()
            for _ in range(drawings):
                await asyncio.sleep(rng.uniform(0.5, 1.5) * PAUSE)
                times.append(await visitor.draw(drawing(rng)))
    except (OSError, RuntimeError, TimeoutError, WebSocketException) as error:
        errors.append(f"{type(error).__name__}: {error}")


async def wave(url: str, sessions: int, drawings: int, seed: int) -> tuple[list, list]:
    times, errors = [], []
    visits = [
        visit(url, drawings, random.Random(seed * 1000 + i), times, errors) for i in range(sessions)
    ]
    await asyncio.gather(*visits)
    return times, errors


def resident_mb(pid: int) -> float:
    """Memory of the server without its children, MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith("VmRSS"))


def processor_seconds(pid: int) -> float:
    """Processor time used by the server: unlike the wall clock, reliable on a busy machine."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--drawings", type=int, default=5, help="of each visitor in a wave")
    parser.add_argument("--waves", type=int, default=4)
    args = parser.parse_args()
    print("wave  answers  median s   p95 s   max s  errors  memory MB  processor ms an answer")
    failed, memory = False, []
    with tempfile.TemporaryDirectory() as runs:
        # Closed sessions are removed soon, so that a wave is gone when memory is read.
        with harness.running_app(Path(runs), "--server.disconnectedSessionTTL=2") as app:
            asyncio.run(wave(app.url, 2, 1, seed=0))  # loads PyTorch and the network
            for number in range(1, args.waves + 1):
                used = processor_seconds(app.pid)
                times, errors = asyncio.run(wave(app.url, args.sessions, args.drawings, number))
                time.sleep(6)
                memory.append(resident_mb(app.pid))
                slow = percentile(times, 0.95) if times else float("inf")
                failed |= bool(errors) or slow > 2
                middle = statistics.median(times) if times else float("nan")
                row = f"{number:4} {len(times):8} {middle:9.2f} {slow:7.2f}"
                used = 1000 * (processor_seconds(app.pid) - used) / max(1, len(times))
                worst = max(times, default=0)
                print(row, f"{worst:7.2f} {len(errors):7} {memory[-1]:10.0f} {used:10.0f}")
                for error in sorted(set(errors)):
                    print(f"      {error}")
    if len(memory) > 1:
        print(f"last wave / second wave: memory ×{memory[-1] / memory[1]:.3f}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
