"""Runs that differ only in their seed: how much of a result is chance."""

from dataclasses import dataclass, replace
from statistics import mean, stdev
from typing import Unpack

from vggcore.machine.messages import Message
from vggcore.model.architectures import VGGSpec
from vggcore.model.recipe import TrainConfig
from vggcore.runs.launching import LaunchOptions, launch, requested_before
from vggcore.runs.limits import Limits
from vggcore.runs.names import RunError, State
from vggcore.runs.run import Run, check_free, check_name, free_name, list_runs

MAX_SEEDS = 20


@dataclass(frozen=True)
class Spread:
    """A measured quantity across the runs of a group."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float | None:
        return mean(self.values) if self.values else None

    @property
    def deviation(self) -> float | None:
        """Standard deviation of the sample; None for fewer than two."""
        return stdev(self.values) if len(self.values) > 1 else None


@dataclass(frozen=True)
class Group:
    """Runs that were launched together, under one name."""

    name: str
    runs: tuple[Run, ...]

    @property
    def finished(self) -> list[Run]:
        """The runs that count: one that is still training or ended early would pull the mean."""
        return [run for run in self.runs if run.state == State.FINISHED]

    def spread(self, score: str) -> Spread:
        """Spread of "val_accuracy" or "test_accuracy" over the finished runs that have it."""
        scores = [getattr(run.card, score, None) for run in self.finished]
        return Spread(tuple(value for value in scores if value is not None))

    def to_dict(self) -> dict:
        """JSON-ready."""
        scores = {}
        for score in ("val_accuracy", "test_accuracy"):
            spread = self.spread(score)
            scores[score] = {
                "runs": len(spread.values),
                "mean": spread.mean,
                "standard_deviation": spread.deviation,
                "values": list(spread.values),
            }
        states = [run.state.value for run in self.runs]
        return {
            "group": self.name,
            "runs": [run.name for run in self.runs],
            "states": {state: states.count(state) for state in dict.fromkeys(states)},
            **scores,
        }


def groups(members: list[Run] | None = None) -> list[Group]:
    """All groups among these runs, or among all runs, newest first; their runs sorted by seed."""
    together: dict[str, list[Run]] = {}
    for run in list_runs() if members is None else members:
        if run.group:
            together.setdefault(run.group, []).append(run)
    return [Group(name, tuple(sorted(some, key=_seed))) for name, some in together.items()]


def group(name: str) -> Group:
    """The group of this name. Raises RunError if there is none."""
    for one in groups():
        if one.name == name:
            return one
    raise RunError(Message("there is no group of runs named {name!r}", name=name))


def _seed(run: Run) -> tuple[int, str]:
    return (run.train.seed if run.train else 0, run.name)


def launch_seeds(
    spec: VGGSpec,
    train: TrainConfig,
    seeds: int,
    *,
    name: str = "",
    request: str = "",
    limits: Limits | None = None,
    **options: Unpack[LaunchOptions],
) -> Group:
    """Launch the same run with `seeds` seeds, counting up from the recipe's, as the group `name`.

    Runs that need the same device wait for each other in the queue. `request` makes a second
    click harmless, as in `launch`. Raises RunError or NotAllowed, or ValueError for a seed that is
    too large; runs launched before the error stay.
    """
    limits = limits or Limits.read()
    if limits.public:
        raise RunError(Message("on a public deployment, runs are started one by one"))
    if not 2 <= seeds <= MAX_SEEDS:
        raise RunError(
            Message("{seeds} seeds are out of range: 2 to {limit}", seeds=seeds, limit=MAX_SEEDS)
        )
    # Numbers come after the name, so that related runs read as such and names stay short.
    stem = check_name(name) if name else _free_stem(options.get("preset") or "run")
    if any(run.group == stem for run in list_runs()) and not request:
        raise RunError(
            Message("there is a group named {stem!r} already: choose another name", stem=stem)
        )
    # The whole group is checked before its first run starts.
    recipes = [replace(train, seed=train.seed + number) for number in range(seeds)]
    names = [check_name(f"{stem}-s{each.seed}") for each in recipes]
    requests = [f"{request}-{number}" if request else "" for number in range(seeds)]
    for each, each_request in zip(names, requests, strict=True):
        if not requested_before(each_request):
            check_free(each)
    started = [
        launch(
            spec,
            recipe,
            name=each,
            request=each_request,
            limits=limits,
            group=stem,
            **options,
        )
        for recipe, each, each_request in zip(recipes, names, requests, strict=True)
    ]
    return Group(started[0].group, tuple(started))


def _free_stem(stem: str) -> str:
    """The first of STEM-1, STEM-2, … that no run, no checkpoint and no group has."""
    return free_name(stem, {run.group for run in list_runs()})
