"""Stands in for the trainer where only supervision is tested: the same files, no PyTorch.

`python tests/fake_trainer.py DIR`: counts to 40 × epochs, or to the stop request. Its "last
checkpoint" is the step as text. With FAKE_DEAF set, it ignores stop requests and SIGTERM.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from vggcore.runs.folder import RunFolder  # noqa: E402
from vggcore.runs.process import hold_run_lock  # noqa: E402
from vggcore.runs.queue import wait_for_device  # noqa: E402

STEPS_PER_EPOCH, STEP_SECONDS, CHECKPOINT_STEPS = 40, 0.01, 10


def train(folder: RunFolder) -> None:
    deaf = bool(os.environ.get("FAKE_DEAF"))
    signal.signal(signal.SIGTERM, lambda *_: deaf or folder.request_stop())
    last, total = folder.path / "last.safetensors", STEPS_PER_EPOCH * folder.train.epochs
    step = int(last.read_text()) if last.exists() else 0
    while step < total:
        if folder.stop_requested() and not deaf:
            last.write_text(str(step))
            folder.write_status("stopped", step=step, total_steps=total)
            folder.clear_stop()
            return
        time.sleep(STEP_SECONDS)
        step += 1
        row = {"kind": "step", "step": step, "seconds": step * STEP_SECONDS, "train_loss": 1 / step}
        folder.append_metrics(row)
        folder.write_status("running", step=step, total_steps=total)
        if step % CHECKPOINT_STEPS == 0:
            last.write_text(str(step))
    summary = {"run_dir": str(folder.path), "test_accuracy": 0.9, "epochs": folder.train.epochs}
    folder.write_status("finished", step=step, total_steps=total, summary=summary)


if __name__ == "__main__":
    folder = RunFolder(sys.argv[-1])
    with hold_run_lock(folder.path), wait_for_device(folder.train.device, folder.path):
        train(folder)
    print(json.dumps({"torch": "torch" in sys.modules}))
