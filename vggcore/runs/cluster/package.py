"""The code that a job on the cluster runs: this installation's `vggcore`, packaged for Ray."""

import hashlib
import io
import zipfile

from vggcore.machine import paths

_LEFT_OUT = {"__pycache__", "app", "checkpoints"}  # not needed to train
_MOMENT = (1980, 1, 1, 0, 0, 0)  # fixed, so that the same code gives the same bytes


def make() -> tuple[str, bytes]:
    """Name and content of the package. The name identifies the version of the code."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(paths.PACKAGE.rglob("*")):
            place = file.relative_to(paths.PACKAGE.parent)
            if file.is_file() and not _LEFT_OUT.intersection(place.parts[:-1]):
                entry = zipfile.ZipInfo(place.as_posix(), _MOMENT)
                entry.external_attr = 0o644 << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, file.read_bytes())
    content = packed.getvalue()
    return f"_ray_pkg_{hashlib.sha256(content).hexdigest()[:32]}.zip", content
