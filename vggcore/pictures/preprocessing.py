"""How a prepared picture becomes a network's input, as stated in every checkpoint's card."""

from dataclasses import dataclass
from math import isfinite

from vggcore.machine.messages import Message
from vggcore.machine.values import a_number, known

MEAN, STD = 0.286, 0.353  # of Fashion-MNIST's 60,000 training images, pixels in 0…1
_RENAMED = {"wild": "outline"}  # styles of older cards


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """The way from a picture to the network's input."""

    style: str = "fashion-mnist"  # of `pictures.prepare`
    image_size: int = 64  # pixels a side
    fit: str = "pad"  # "pad": centred on black; "resize": interpolated
    mean: tuple[float, ...] = (MEAN,)  # of each channel, 0 to 1
    std: tuple[float, ...] = (STD,)
    mirror: bool = False  # an answer is the mean over a picture and its mirror image
    # An answer for a photo is the mean over all of it and its middle, this share of each side; 0:
    # over all of it alone.
    middle: float = 0.0

    @classmethod
    def from_dict(cls, values: dict) -> "Preprocessing":
        """Inverse of `to_dict`. Raises ValueError naming what is wrong."""
        usable = known(cls, values, "preprocessing")
        for name in ("mean", "std"):
            if name in usable:
                several = usable[name] if isinstance(usable[name], list) else [usable[name]]
                usable[name] = tuple(float(a_number(one, name)) for one in several)
        for name in ("style", "fit"):
            if not isinstance(usable.get(name, ""), str):
                raise ValueError(
                    Message(
                        "preprocessing.{name} must be text, not {found!r}",
                        name=name,
                        found=usable[name],
                    )
                )
        if "style" in usable:
            usable["style"] = _RENAMED.get(usable["style"], usable["style"])
        if "middle" in usable:
            share = a_number(usable["middle"], "middle")
            if not (share == 0 or 0.2 <= share < 1):
                raise ValueError(
                    Message(
                        "preprocessing.middle must be 0, or from 0.2 to below 1, not {share}",
                        share=share,
                    )
                )
            usable["middle"] = float(share)
        if "image_size" in usable:
            size = a_number(usable["image_size"], "image_size")
            if not (isfinite(size) and size >= 1):
                raise ValueError(
                    Message("image_size must be 1 pixel or more, not {size}", size=size)
                )
            usable["image_size"] = int(size)
        return cls(**usable)

    def to_dict(self) -> dict:
        """JSON-ready; a single number if there is only one channel."""
        values: dict = {"style": self.style, "image_size": self.image_size, "fit": self.fit}
        for name, several in (("mean", self.mean), ("std", self.std)):
            values[name] = several[0] if len(several) == 1 else list(several)
        values |= {"mirror": True} if self.mirror else {}
        return values | ({"middle": self.middle} if self.middle else {})
