"""Kill trainers and apps at random, click twice, and check that nothing is lost or left behind.

    python benchmarks/runs_chaos.py --cycles 30            # the real trainer, on synthetic garments
    python benchmarks/runs_chaos.py --cycles 30 --stand-in # a trainer without PyTorch: fast

In every cycle an app process launches, stops or resumes runs, each with two clicks at once, and
then the trainer, the app or both are killed with SIGKILL. Finally every run is resumed and
finishes. Prints what happened and every broken promise; exits with 1 if there is any.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from vggcore import runs  # noqa: E402
from vggcore.machine import file_lock, paths  # noqa: E402
from vggcore.model.presets import PRESETS  # noqa: E402
from vggcore.model.recipe import TrainConfig  # noqa: E402
from vggcore.runs import launching, locks  # noqa: E402

CRASH_SEEN_WITHIN = 5.0  # seconds
SPEC = PRESETS["try-out"].spec
TRAIN = TrainConfig(
    dataset="synthetic", train_limit=256, batch_size=16, epochs=8, checkpoint_seconds=0.5
)


def app(stand_in: bool) -> None:
    """What a Streamlit server does for its visitors: one command per line, two clicks each."""
    if stand_in:
        script = str(ROOT / "tests" / "fake_trainer.py")
        launching.trainer_command = lambda path, how: [sys.executable, script, str(path)]
    for line in sys.stdin:
        command, name, request = json.loads(line)
        clicks = [threading.Thread(target=click, args=(command, name, request)) for _ in range(2)]
        for thread in clicks:
            thread.start()
        for thread in clicks:
            thread.join()
        print("done", flush=True)


def click(command: str, name: str, request: str) -> None:
    try:
        if command == "launch":
            runs.launch(SPEC, TRAIN, preset="try-out", request=request)
        else:
            {"stop": runs.stop, "resume": runs.resume}[command](name)
    except ValueError:
        pass  # the second click, or a run that has just ended: refused with one line


class Chaos:
    """The app process, and what has happened so far."""

    def __init__(self, seed: int, stand_in: bool):
        self.random = random.Random(seed)
        self.stand_in = stand_in
        self.launched = 0
        self.happened = Counter()
        self.broken: list[str] = []
        self.app = None
        self.start_app()

    def start_app(self) -> None:
        command = [sys.executable, __file__, "--app", *(["--stand-in"] if self.stand_in else [])]
        self.app = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def close_pipes(self) -> None:
        with suppress(BrokenPipeError):  # the app was killed before it read everything
            self.app.stdin.close()
        self.app.stdout.close()

    def ask(self, command: str, name: str = "", wait: bool = True) -> None:
        request = f"request-{self.launched}"
        self.app.stdin.write(json.dumps([command, name, request]) + "\n")
        self.app.stdin.flush()
        self.happened[f"double {command}"] += 1
        if wait:
            self.app.stdout.readline()

    def cycle(self) -> None:
        self.act()
        time.sleep(self.random.uniform(0.0, 0.75 if self.stand_in else 1.5))
        victim = self.random.choice(["trainer", "app", "both", "nobody"])
        self.happened[f"killed {victim}"] += 1
        killed = self.kill_trainer() if victim in ("trainer", "both") else None
        if victim in ("app", "both"):
            self.app.kill()
            self.app.wait()
            self.close_pipes()
            self.start_app()
        if killed:
            self.expect_end(killed)

    def act(self) -> None:
        """Launch while there are fewer than three runs; else stop or resume one."""
        if self.launched < 3:
            self.ask("launch")
            self.launched += 1
            return
        run = self.random.choice(runs.list_runs())
        if run.resumable:
            self.ask("resume", run.name)
        elif run.living:
            self.ask("stop", run.name)

    def kill_trainer(self) -> str | None:
        living = [run for run in runs.list_runs() if run.living]
        if not living:
            return None
        run = self.random.choice(living)
        pid = locks.holder(run.path)
        if pid is None:
            return None
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return None
        return run.name

    def expect_end(self, name: str) -> None:
        """A killed run must be told from a living one within 5 s."""
        deadline = time.monotonic() + CRASH_SEEN_WITHIN
        while runs.read_run(name).living:
            if time.monotonic() > deadline:
                self.broken.append(f"{name} was killed and is still {runs.read_run(name).state}")
                return
            time.sleep(0.05)

    def finish(self, patience: float) -> None:
        """Resume everything to its end, then look for anything that should not be there."""
        deadline = time.monotonic() + patience
        while any(run.state != "finished" or run.locked for run in runs.list_runs()):
            for run in runs.list_runs():
                if run.resumable:
                    self.ask("resume", run.name)
            if time.monotonic() > deadline:
                break
            time.sleep(0.1)
        self.broken += [
            f"{run.name} is {run.state}, not finished: {run.message}"
            for run in runs.list_runs()
            if run.state != "finished"
        ]
        self.broken += [
            f"{run.name} finished at step {run.status.step} of {run.status.total_steps}"
            for run in runs.list_runs()
            if run.state == "finished" and run.status.step != run.status.total_steps
        ]
        if len(runs.list_runs()) != self.launched:
            self.broken.append(f"{len(runs.list_runs())} runs, {self.launched} were launched")
        self.broken += [f"left behind: {what}" for what in left_behind(self.app.pid)]
        for run in runs.list_runs():  # if they did not all end in time
            if pid := locks.holder(run.path):
                os.kill(pid, signal.SIGKILL)
        self.app.stdin.close()
        self.app.wait()
        self.close_pipes()


def left_behind(app_pid: int) -> list[str]:
    """Held locks, temporary files, processes and zombies of our runs."""
    folder = paths.runs_dir()
    found = [str(path) for path in folder.rglob("*lock") if file_lock.is_locked(path)]
    for pattern in (".tmp-*", ".deleted-*", "stop", "last-incoming*"):
        found += [str(path) for path in folder.rglob(pattern)]
    found += [str(path) for path in folder.glob(".new/*")]
    deadline = time.monotonic() + 5  # stoppers and just-ended trainers need an instant
    while (processes := processes_of(folder, app_pid)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found + processes


def processes_of(folder: Path, app_pid: int) -> list[str]:
    """Processes that work on a run in `folder`, and zombies of the app."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
            state, parent = (process / "stat").read_text().rsplit(") ", 1)[1].split()[:2]
        except OSError:
            continue  # it has just ended
        if any(argument.startswith(str(folder)) for argument in arguments):
            found.append(f"process {process.name}: {' '.join(arguments)}")
        if state == "Z" and int(parent) == app_pid:
            found.append(f"zombie {process.name}")
    return found


def chaos(cycles: int, seed: int, stand_in: bool, patience: float = 600.0) -> Chaos:
    """Run it in VGGCORE_RUNS; `broken` in the result is empty if all promises were kept."""
    world = Chaos(seed, stand_in)
    for _ in range(cycles):
        world.cycle()
    world.finish(patience)
    return world


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cycles", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--stand-in", action="store_true", help="a trainer without PyTorch")
    parser.add_argument("--app", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.app:
        app(args.stand_in)
        return 0
    started = time.monotonic()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ["VGGCORE_RUNS"] = folder
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # many small processes at once
        world = chaos(args.cycles, args.seed, args.stand_in)
    for what, count in sorted(world.happened.items()):
        print(f"{what:>16}: {count}")
    print(
        f"{args.cycles} cycles, {world.launched} runs, {time.monotonic() - started:.0f} s, "
        f"{len(world.broken)} broken promises"
    )
    print("\n".join(world.broken))
    return 1 if world.broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
