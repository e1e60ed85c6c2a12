"""`train`: train in the foreground, resume a run, or be the process of a background run."""

import argparse
import json
import logging
import os
import sys
from pathlib import Path

from vggcore.commands import recipe_options
from vggcore.machine import hardware, paths
from vggcore.machine.messages import Message, parts
from vggcore.runs import folder as run_folder
from vggcore.runs.folder import RunFolder
from vggcore.runs.names import BEST, CLUSTER, State
from vggcore.runs.process import LOCK_HELD
from vggcore.runs.status import Status, read_status

log = logging.getLogger(__name__)

_EVERY = 1_000  # of all devices: it is unknown which of them a job started elsewhere will use
PROCESS_LOST = Message(
    "another process of this job ended; resume continues from the last checkpoint, "
    "even with a different number of processes"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    where = parser.add_argument_group("run")
    one = where.add_mutually_exclusive_group()
    one.add_argument("--run-dir", type=Path, help="folder of the new run (default: a new one)")
    one.add_argument(
        "--resume", type=Path, metavar="DIR", help="continue the run in DIR with its own recipe"
    )
    one.add_argument(
        "--from-config", type=Path, metavar="DIR", help="train as DIR/config.json says"
    )
    where.add_argument(
        "--find-rate",
        action="store_true",
        help="train nothing: sweep the learning rate for a minute at most, and suggest one",
    )
    where.add_argument("--json", action="store_true", help="print the summary as JSON")
    recipe_options.add(parser)


def run(args: argparse.Namespace) -> int:
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")  # as `machine.gpus` numbers them
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:  # started by torchrun
        if args.find_rate:
            raise ValueError("--find-rate needs a single process: start it without torchrun")
        if not os.environ.get(LOCK_HELD):
            _narrow_to_wanted(args)
        return _run_as_rank(args)
    if args.find_rate:
        return _find_rate(args)
    folder = _folder(args)
    from vggcore import runs
    from vggcore.runs import process, queue

    process.end_with_parent()
    processes = max(runs.processes_of(folder.path), len(folder.train.device.split(",")))
    with process.hold_run_lock(folder.path):
        wanted = folder.train.device
        with queue.wait_for_device(wanted, folder.path, processes) as device:
            if processes > 1:
                how = "--resume" if args.resume else "--from-config"
                if device.startswith("cuda"):
                    hardware.narrow_to(device.split(","))
                process.continue_under_torchrun(processes, [how, str(folder.path)])
            code = _train(folder, device, args)
    if code == 0:
        _keep_results(folder)
    return code


def _narrow_to_wanted(args: argparse.Namespace) -> None:
    """Let a process of the user's own torchrun see only the GPUs that were named."""
    existing = args.resume or args.from_config
    device = RunFolder(existing).train.device if existing else args.device or ""
    if "," in device:
        hardware.narrow_to(device.split(","))


def _find_rate(args: argparse.Namespace) -> int:
    if args.resume or args.from_config or args.run_dir:
        raise ValueError("--find-rate makes no run: leave out --resume, --from-config, --run-dir")
    from vggcore.training import find_rate

    _, spec, train = recipe_options.chosen(args)
    at_a_terminal = sys.stderr.isatty()

    def draw(share: float) -> None:
        if at_a_terminal:
            print(f"\r{share:4.0%} of the sweep", end="", file=sys.stderr, flush=True)

    try:
        sweep = find_rate.find(spec, train, on_step=draw)
    except ValueError as error:
        if args.json:
            print(json.dumps({"error": str(error)} | parts(error=str(error))))
        raise
    if at_a_terminal:
        print(file=sys.stderr)
    if args.json:
        print(json.dumps(sweep.to_dict()))
        return 0
    least, most = min(sweep.losses, default=0.0), max(sweep.losses, default=1.0)
    every = max(1, len(sweep.rates) // 20)
    for rate, loss in list(zip(sweep.rates, sweep.losses, strict=True))[::every]:
        bar = "█" * round(40 * (loss - least) / max(1e-9, most - least))
        print(f"{rate:9.2e}  loss {loss:7.3f}  {bar}")
    print(sweep.summary())
    return 0


def _keep_results(folder: RunFolder) -> None:
    """Save what the Results page needs beside a finished run's best checkpoint.

    Called without its locks: the next run may start, and this one may be renamed or deleted.
    """
    if read_status(folder.path).state != State.FINISHED:
        return
    from vggcore.answers import making_results

    try:
        making_results.build(folder.path / BEST)
    except (ValueError, OSError, KeyboardInterrupt) as error:
        log.info("the results were not kept: %s", error)  # the page will compute them


def _run_as_rank(args: argparse.Namespace) -> int:
    """One process of several: rank 0 makes the folder and holds the locks for all of them."""
    from vggcore.machine import distributed
    from vggcore.runs import process, queue

    process.end_with_parent()
    with distributed.process_group():
        folder = _folder_for_all(args)
        if not distributed.is_main():
            return _train(folder, distributed.from_main(None), args)
        with process.hold_run_lock(folder.path):
            device = folder.train.device
            with queue.wait_for_device(device, folder.path, _EVERY) as device:
                return _train(folder, distributed.from_main(device), args)


def _folder_for_all(args: argparse.Namespace) -> RunFolder:
    """The run folder that rank 0 made or found; a mistake of the user's ends every process."""
    from vggcore.machine import distributed

    outcome: Path | ValueError | None = None
    if distributed.is_main():
        try:
            outcome = _folder(args).path.resolve()
        except ValueError as error:
            outcome = error
    outcome = distributed.from_main(outcome)
    if isinstance(outcome, ValueError):
        raise outcome
    assert outcome is not None  # rank 0 has made or found it
    return RunFolder(outcome)


def _folder(args: argparse.Namespace) -> RunFolder:
    existing = args.resume or args.from_config
    if existing:
        if given := recipe_options.given(args):
            raise ValueError(
                f"the run in {existing} has its recipe in config.json: leave out {' '.join(given)}"
                + _longer(existing, args)
            )
        if (existing / CLUSTER).is_file():
            raise ValueError(
                f"the run in {existing} trains on the cluster, and what is here is a copy of it: "
                f"`vggcore runs resume {existing.name}` continues it there"
            )
        folder = RunFolder(existing)
        folder.spec, folder.train  # noqa: B018  an unusable config fails here
        return folder
    from vggcore.machine import devices

    preset, spec, train = recipe_options.chosen(args)
    devices.resolve(train.device)  # a missing device must not leave a run behind
    path = args.run_dir or paths.runs_dir() / _new_name(preset)
    return run_folder.create(path, spec, train, preset=preset)


def _longer(existing: Path, args: argparse.Namespace) -> str:
    """How to train a finished run for more epochs: a schedule that has ended cannot go on."""
    if not (args.resume and args.epochs) or read_status(existing).state != State.FINISHED:
        return ""
    command = recipe_options.longer(RunFolder(existing), args.epochs)
    return f". It has finished; to go on from its weights: {command}"


def _new_name(preset: str) -> str:
    stamp = run_folder.now()[:19].replace(":", "").replace("T", "-")
    return f"{preset}-{stamp}-{os.getpid() % 1000:03d}"


def _train(folder: RunFolder, device: str, args: argparse.Namespace) -> int:
    from vggcore.machine import distributed
    from vggcore.training import loop
    from vggcore.training.progress import TrainingFailed

    main, several = distributed.is_main(), distributed.world_size() > 1
    progress_bar = _progress_bar() if main and sys.stderr.isatty() else None
    try:
        summary = loop.fit(folder, device=device, on_step=progress_bar)
    except (ValueError, RuntimeError) as error:
        message, lost = str(error), False
        if several and distributed.is_lost_process(error):
            log.warning("%s", error)
            message, lost = PROCESS_LOST, True
        if main:
            folder.write_status("failed", message=message)
        if not lost and not isinstance(error, TrainingFailed):
            raise
        print(f"vggcore train: {message}", file=sys.stderr)
        return 1
    if main and args.json:
        print(json.dumps(summary))
    elif main:
        _print_summary(summary)
    return 0


def _progress_bar():
    def draw(status: Status) -> None:
        share = status.share
        filled = round(30 * share)
        remaining = (status.seconds or 0) * (1 - share) / share if share else 0
        sys.stderr.write(
            f"\r{'█' * filled}{'·' * (30 - filled)} {share:4.0%}  epoch "
            f"{min(status.epoch + 1, status.epochs)}/{status.epochs}  "
            f"{status.images_per_second:,.0f} images/s  {remaining:,.0f} s left   "
        )
        if status.state in ("finished", "stopped"):
            sys.stderr.write("\n")
        sys.stderr.flush()

    return draw


def _print_summary(summary: dict) -> None:
    print(f"{summary['state']} after {summary['epochs']} epochs, {summary['seconds']:.1f} s")
    for key in ("best_val_accuracy", "test_accuracy"):
        if summary[key] is not None:
            print(f"{key.replace('_', ' ')}: {summary[key]:.4f}")
    print(f"run folder: {summary['run_dir']}")
