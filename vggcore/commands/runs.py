"""`runs`: background training from a terminal; the Train page shows the same runs."""

import argparse
import json
import shutil
import sys
from dataclasses import asdict

from vggcore import runs
from vggcore.commands import recipe_options
from vggcore.machine import paths
from vggcore.runs.folder import RunFolder
from vggcore.runs.limits import Limits

PLACES = ("this-machine", "cluster")
_NEWS_PATIENCE = 10.0  # seconds to wait for news from the cluster
_STOP_PATIENCE = 45.0  # seconds: a run that does not stop by itself is killed after 30
_ON_ONE_RUN = {
    "show": "state, progress and result of a run",
    "stop": "ask a run to save and end, and wait for it; after 30 s it is killed",
    "cancel": "take a waiting run out of the queue (the same as stop)",
    "resume": "go on with a stopped, failed or crashed run, in the background",
    "delete": "delete an ended run for good",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listed = actions.add_parser("list", help="all runs and their states, the newest first")
    listed.add_argument("--state", choices=runs.STATES, help="only runs in this state")
    listed.add_argument("--tag", help="only runs with this tag")
    launched = actions.add_parser(
        "launch",
        help="start a run in the background; it waits in the queue for its device",
        description="Takes the same recipe as `train`, for example: runs launch --preset try-out.",
    )
    launched.add_argument("--name", default="", help="name of the run (default: PRESET-NUMBER)")
    launched.add_argument(
        "--processes", type=int, default=1, metavar="N", help="train on N GPUs at once, by torchrun"
    )
    launched.add_argument(
        "--seeds",
        type=int,
        default=1,
        metavar="N",
        help="start a group of N runs that differ only in their seeds",
    )
    launched.add_argument(
        "--on",
        choices=PLACES,
        default=PLACES[0],
        help="this machine, or the Ray cluster that VGGCORE_RAY names (see docs/where-to-train.md)",
    )
    recipe_options.add(launched)
    grouped = actions.add_parser("group", help="mean and spread of a group's runs")
    grouped.add_argument("name", help="name of the group, as `runs launch --seeds` printed it")
    noted = actions.add_parser("note", help="show or change the note and tags of a run")
    noted.add_argument("name")
    noted.add_argument("note", nargs="?", help="the new note; '' removes it")
    noted.add_argument("--tag", action="append", default=[], help="add a tag")
    noted.add_argument("--untag", action="append", default=[], help="take a tag away")
    parsers = [listed, launched]
    for action, summary in _ON_ONE_RUN.items():
        on_one = actions.add_parser(action, help=summary, description=summary.capitalize() + ".")
        on_one.add_argument("name", help="name of the run, as `runs list` shows it")
        parsers.append(on_one)
        if action in ("stop", "cancel"):
            on_one.add_argument("--no-wait", action="store_true", help="return at once")
    renamed = actions.add_parser("rename", help="give an ended run another name")
    renamed.add_argument("name")
    renamed.add_argument("new_name")
    recorded = actions.add_parser(
        "record", help="write a run as one small JSON file that the Train page can replay"
    )
    recorded.add_argument("name")
    recorded.add_argument("--out", metavar="FILE", help="default: the project's recorded runs")
    for each in (*parsers, renamed, recorded, grouped, noted):
        each.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    _hear_from_cluster()
    if args.action == "list":
        listing = [r for r in runs.list_runs() if args.state in (None, r.state)]
        entries = [r.to_dict() | asdict(r.notes) for r in listing]
        if args.tag:
            entries = [entry for entry in entries if args.tag in entry["tags"]]
        _print_list(entries, args.json)
        return 0
    answer = _ACTIONS[args.action](args)
    if args.json:
        print(json.dumps(answer, indent=1))
    elif "group" in answer and "states" in answer:
        _print_group(answer)
    else:
        _print_one(answer)
    return 0


def _hear_from_cluster() -> None:
    """Bring the local copies up to date before they are shown: they are as old as the last look."""
    if runs.has_cluster():
        from vggcore.runs.cluster import daemon, settings

        settings.read()  # raises if they cannot be used
        daemon.attend(wait=_NEWS_PATIENCE)
        if trouble := daemon.trouble():
            print(f"vggcore runs: {trouble}", file=sys.stderr)


def _launch(args: argparse.Namespace) -> dict:
    preset, spec, train = recipe_options.chosen(args)
    where = {"processes": args.processes, "on_cluster": args.on == "cluster"}
    if args.seeds != 1:
        group = runs.launch_seeds(spec, train, args.seeds, name=args.name, preset=preset, **where)
        return group.to_dict()
    started = runs.launch(spec, train, name=args.name, preset=preset, **where)
    return started.to_dict()


def _show(args: argparse.Namespace) -> dict:
    run = runs.read_run(args.name)
    ahead = runs.queue_ahead(run) if run.state == "queued" else []
    about = {"queue_ahead": ahead, "config": run.config or None}
    return run.to_dict() | asdict(run.notes) | about


def _group(args: argparse.Namespace) -> dict:
    return runs.group(args.name).to_dict()


def _note(args: argparse.Namespace) -> dict:
    before = runs.read_run(args.name).notes
    tags = [tag for tag in (*before.tags, *args.tag) if tag not in args.untag]
    after = runs.Notes(note=before.note if args.note is None else args.note, tags=tuple(tags))
    if after != before:
        runs.write_notes(args.name, after, password=Limits.read().owner_password)
    return {"name": args.name, "note": after.note, "tags": list(after.tags)}


def _stop(args: argparse.Namespace) -> dict:
    stopped = runs.stop(args.name, password=Limits.read().owner_password)
    if not args.no_wait:
        stopped = runs.wait_until_ended(args.name, _STOP_PATIENCE)
    return stopped.to_dict()


def _resume(args: argparse.Namespace) -> dict:
    try:
        return runs.resume(args.name, password=Limits.read().owner_password).to_dict()
    except runs.RunFinished as error:
        command = recipe_options.longer(RunFolder(runs.read_run(args.name).path))
        raise runs.RunError(f"{error}. To go on from its weights: {command}") from None


def _delete(args: argparse.Namespace) -> dict:
    runs.delete(args.name, password=Limits.read().owner_password)
    return {"name": args.name, "state": "deleted"}


def _rename(args: argparse.Namespace) -> dict:
    password = Limits.read().owner_password
    return runs.rename(args.name, args.new_name, password=password).to_dict()


def _record(args: argparse.Namespace) -> dict:
    from vggcore.runs import recorded

    return {"name": args.name, "file": str(recorded.record(args.name, args.out))}


_ACTIONS = {
    "launch": _launch,
    "group": _group,
    "note": _note,
    "show": _show,
    "stop": _stop,
    "cancel": _stop,
    "resume": _resume,
    "delete": _delete,
    "rename": _rename,
    "record": _record,
}


def _print_list(listing: list[dict], as_json: bool) -> None:
    if as_json:
        print(json.dumps(listing, indent=1))
        return
    if not listing:
        print(f"no runs in {paths.runs_dir()}")
    width = shutil.get_terminal_size().columns
    for entry in listing:
        steps = f"{entry['step'] or 0:,}/{entry['total_steps'] or 0:,}"
        line = f"{entry['name']:<28} {entry['state']:<9} {steps:>15} steps  {_score(entry)}"
        if entry["damage"]:
            line += f"  {entry['damage']}"
        if entry["tags"]:
            line += f"  [{', '.join(entry['tags'])}]"
        print(line.rstrip()[:width] if sys.stdout.isatty() else line.rstrip())


def _score(entry: dict) -> str:
    summary = entry["summary"] or {}
    scores = [("validation", "best_val_accuracy"), ("test", "test_accuracy")]
    return "  ".join(f"{word} {summary[key]:.4f}" for word, key in scores if summary.get(key))


def _print_group(answer: dict) -> None:
    states = ", ".join(f"{count} {state}" for state, count in answer["states"].items())
    print(f"group {answer['group']}: {', '.join(answer['runs'])} ({states})")
    for word, key in (("validation", "val_accuracy"), ("test", "test_accuracy")):
        score = answer[key]
        if score["runs"]:
            wide = score["standard_deviation"]
            spread = "" if wide is None else f" ± {wide:.4f} (standard deviation)"
            print(f"{word} accuracy of {score['runs']} runs: {score['mean']:.4f}{spread}")


def _print_one(answer: dict) -> None:
    for key, value in answer.items():
        if value not in (None, "", [], ()):
            text = json.dumps(value) if isinstance(value, (dict, list)) else value
            print(f"{key.replace('_', ' ')}: {text}")
