"""Names that a package hands on without importing what they need before somebody asks."""

from collections.abc import Callable
from importlib import import_module


def handing_on(package: str, names: dict[str, str]) -> Callable[[str], object]:
    """A package's `__getattr__`: `names` says in which module each name is.

    A name that ends its module's is that module itself.

    PyTorch takes seconds to import, so that `import vggcore` must not.
    """

    def __getattr__(name: str) -> object:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = import_module(names[name])
        return module if names[name].endswith(f".{name}") else getattr(module, name)

    return __getattr__
