"""What the form describes: a run that can be started here, on a cluster or in a terminal."""

import shlex
from dataclasses import dataclass

from vggcore.commands import recipe_options
from vggcore.model.architectures import VGGSpec
from vggcore.model.recipe import TrainConfig


@dataclass(frozen=True)
class PlannedRun:
    """What the visitor filled in. `problem` says in one line why it is invalid; empty if valid."""

    preset: str
    name: str
    spec: VGGSpec  # the recipe's own if there is a problem
    train: TrainConfig
    problem: str = ""
    processes: int = 1  # GPUs to train on at once
    on_cluster: bool = False  # trains there instead of on this machine
    seeds: int = 1  # number of runs, which differ only in their seeds
    missing: str = ""  # the device, if this machine does not have it

    def command(self) -> str:
        """The command for the same run in a terminal."""
        recipe = recipe_options.command_line(self.preset, self.spec, self.train)
        several = self.processes > 1 and "," not in self.train.device  # else the devices say it
        if self.seeds == 1 and not self.on_cluster:
            program = "python -m vggcore"
            if self.processes > 1:
                program = f"torchrun --standalone --nproc-per-node={self.processes} -m vggcore"
            return f"{program} train {shlex.join(recipe)}"
        started = ["--seeds", str(self.seeds)] if self.seeds > 1 else []
        started += ["--name", self.name] if self.name else []
        where = ["--on", "cluster"] if self.on_cluster else []
        where += ["--processes", str(self.processes)] if several else []
        return f"python -m vggcore runs launch {shlex.join(started + recipe + where)}"
