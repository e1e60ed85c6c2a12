"""Names that a package re-exports, whose modules are imported only when they are used."""

from collections.abc import Callable
from importlib import import_module


def lazy_exports(package: str, names: dict[str, str]) -> Callable[[str], object]:
    """A package's `__getattr__`: `names` says which module each name is in.

    A name that its module's name ends in stands for that module itself.

    PyTorch takes seconds to import, so `import vggcore` must not import it.
    """

    def __getattr__(name: str) -> object:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = import_module(names[name])
        return module if names[name].endswith(f".{name}") else getattr(module, name)

    return __getattr__
