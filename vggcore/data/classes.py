"""The ten classes of Fashion-MNIST, and how we state the certainty of one."""

from enum import IntEnum

# In label order.
CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


class Label(IntEnum):
    """A class by its number: `CLASSES[Label.BAG]` is "Bag"."""

    T_SHIRT = 0
    TROUSER = 1
    PULLOVER = 2
    DRESS = 3
    COAT = 4
    SANDAL = 5
    SHIRT = 6
    SNEAKER = 7
    BAG = 8
    ANKLE_BOOT = 9


def percent(probability: float, digits: int = 0) -> str:
    """`0.934` → "93%"; anything short of certain is never rounded up to 100%."""
    return f"{min(probability, 1 - 10 ** -(digits + 2)):.{digits}%}"
