"""The ten classes of Fashion-MNIST, and how sure we say to be of one."""

# In label order.
CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


def percent(probability: float, digits: int = 0) -> str:
    """`0.934` → "93%"; what is not certain is never rounded up to 100%."""
    return f"{min(probability, 1 - 10 ** -(digits + 2)):.{digits}%}"
