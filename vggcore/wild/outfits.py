"""What a made-up person wears: which garments, their cut, and where they are.

Worn garments follow the body: sleeves follow the arms, trousers the legs, and coats hang open.
Outlines are in the figure's own coordinates; see `figures`.
"""

import numpy as np

from vggcore.wild.figures import (
    ANKLE,
    ARMPIT,
    CROTCH,
    HIP,
    NECK,
    SHOULDER,
    WAIST,
    Figure,
    both_sides,
    limb,
    shortened,
)
from vggcore.wild.shapes import (
    ANKLE_BOOT,
    BAG,
    COAT,
    DRESS,
    PULLOVER,
    SHIRT,
    SHOES,
    T_SHIRT,
    TROUSER,
)

_TOPS = (T_SHIRT, SHIRT, PULLOVER)  # under a coat


class Outfit:
    """The garment in question, and what goes with it; all cuts are decided at the start."""

    def __init__(self, rng: np.random.Generator, figure: Figure, label: int):
        self.figure, self.label = figure, label

        def maybe(chance: float) -> bool:
            return bool(rng.random() < chance)

        self.dress = label == DRESS or (label in (*SHOES, BAG) and maybe(0.25))
        self.top = label if label in _TOPS else int(rng.choice(_TOPS))
        below = label in (TROUSER, BAG, *SHOES)
        self.coat = label == COAT or (below and not self.dress and maybe(0.35))
        needs_trouser = label in (TROUSER, *SHOES)
        self.trouser = not self.dress and (needs_trouser or maybe(0.75))  # else a skirt
        self.bag = label == BAG or maybe(0.3)
        self.shoe = label if label in SHOES else int(rng.choice(SHOES))
        self.tucked = maybe(0.1 if self.top == PULLOVER else 0.3)
        self._cut_tops(rng)
        self._cut_lower(rng)
        self._take_bag(rng)
        left, right = rng.choice([-1, 1]), rng.choice([-1, 1])
        self.toes = (int(left), int(left if maybe(0.6) else right))  # where shoes point
        self.one_shoe = int(rng.integers(2)) if maybe(0.4) else None  # the only one in the frame

    def _cut_tops(self, rng: np.random.Generator) -> None:
        long, rolled = rng.uniform(0.88, 1.0), rng.uniform(0.5, 0.7)
        lengths: dict[int, tuple[float, ...]] = {
            T_SHIRT: (0.0, 0.25, 0.3, 0.36, 0.42),
            SHIRT: (long, long, long, rolled, 0.35),
            PULLOVER: (long, long, long, rolled),
        }
        self.sleeve = float(rng.choice(lengths[self.top]))
        self.hem = WAIST + 0.035 if self.tucked else rng.uniform(0.47, 0.58)
        self.ease = rng.uniform(0.0, 0.02) + (0.012 if self.top == PULLOVER else 0.0)
        self.coat_hem = float(rng.choice([rng.uniform(0.48, 0.56), rng.uniform(0.56, 0.8)]))
        if self.label == TROUSER:  # which must be seen
            self.coat_hem = min(self.coat_hem, 0.54)
        self.coat_open = rng.uniform(0.02, 0.09) if rng.random() < 0.6 else 0.0
        self.dress_sleeve = float(rng.choice([0.0, 0.0, 0.2, 0.3, 0.6, long]))

    def _cut_lower(self, rng: np.random.Generator) -> None:
        self.dress_hem = rng.uniform(0.6, 0.75) if rng.random() < 0.65 else rng.uniform(0.75, 0.97)
        self.flare = rng.uniform(0.0, 0.1) if rng.random() < 0.6 else rng.uniform(0.1, 0.2)
        short = rng.random() < 0.08 and not self.coat
        self.trouser_hem = rng.uniform(0.62, 0.72) if short else rng.uniform(0.86, 0.96)
        if self.label == ANKLE_BOOT:  # whose shaft must be seen
            self.trouser_hem = min(self.trouser_hem, 0.89)
        self.trouser_ease = float(rng.choice([0.0, 0.005, 0.012, 0.03]))
        self.skirt_hem, self.skirt_flare = rng.uniform(0.56, 0.7), rng.uniform(0, 0.07)

    def _take_bag(self, rng: np.random.Generator) -> None:
        self.bag_size = np.array([rng.uniform(0.1, 0.24), rng.uniform(0.09, 0.22)])
        self.bag_side = int(rng.choice([-1, 1]))
        held = str(rng.choice(["hand", "arm", "shoulder", "across"]))
        below = np.array([0, self.bag_size[1] / 2])
        arm = self.figure.arms[(self.bag_side + 1) // 2]
        self.strap_side = 0  # none
        if held == "hand":
            self.bag_middle = arm[2] + [0, 0.015] + below
        elif held == "arm":
            self.bag_middle = arm[1] + [self.bag_side * 0.01, 0.0] + below
        else:
            self.strap_side = self.bag_side if held == "shoulder" else -self.bag_side
            height = 0.4 if held == "shoulder" else 0.46
            beside = self.bag_side * (self.figure.hip + 0.03)
            self.bag_middle = np.array([beside, height]) + 0.6 * below

    def box(self) -> np.ndarray:
        """Corners [2, 2] of the garment in question."""
        if self.label == BAG:
            half = self.bag_size / 2
            return np.stack([self.bag_middle - half, self.bag_middle + half])
        if self.label in SHOES:
            ankles = np.array([leg[2] for leg in self.figure.legs])
            ankles = ankles if self.one_shoe is None else ankles[self.one_shoe :][:1]
            reach = (0.085, 0.05)
            low, high = ankles.min(axis=0) - reach, ankles.max(axis=0) + reach
            return np.stack([low, [high[0], 1.01]])
        points = np.vstack(self.body(self.label) + self.sleeves(self.label))
        return np.stack([points.min(axis=0), points.max(axis=0)])

    def body(self, label: int) -> list[np.ndarray]:
        """Outlines of a garment's parts except its sleeves, furthest back first."""
        if label == COAT:
            return self._coat()
        if label == DRESS:
            return self._dress()
        if label == TROUSER:
            return self._trouser()
        return [self._trunk(self.hem, self.ease)]

    def sleeves(self, label: int) -> list[np.ndarray]:
        """Outlines of its sleeves, if any."""
        if label == TROUSER:
            return []
        length, ease = self.sleeve, 0.6 * self.ease
        if label == COAT:
            length, ease = 0.98, self._coat_ease
        elif label == DRESS:
            length, ease = self.dress_sleeve, 0.005
        if length <= 0:
            return []
        widths = np.array([0.068, 0.056, 0.044]) + 2 * ease
        return [limb(*shortened(arm, widths, length)) for arm in self.figure.arms]

    @property
    def _coat_ease(self) -> float:
        return self.ease + 0.012

    def skirt(self) -> np.ndarray:
        hip = self.figure.hip
        return both_sides(
            [
                (self.figure.waist, WAIST + 0.03),
                (hip + 0.008, HIP),
                (hip + self.skirt_flare, self.skirt_hem),
            ]
        )

    def _trunk(self, hem: float, ease: float, flare: float = 0.0) -> np.ndarray:
        """From the neck over the shoulders down to the hem."""
        figure = self.figure
        rows = [NECK, SHOULDER - 0.005, ARMPIT, WAIST, HIP, 1.0]
        widths = [
            0.035,
            figure.broad,
            figure.broad * 0.93 + 0.3 * ease,
            figure.waist + ease,
            figure.hip + ease + 0.2 * flare,
            figure.hip + ease + flare,
        ]
        kept = [row for row in rows if row < hem] + [hem]
        return both_sides([*zip(np.interp(kept, rows, widths), kept, strict=True)])

    def _coat(self) -> list[np.ndarray]:
        whole = self._trunk(self.coat_hem, self._coat_ease, self.flare)
        right = whole[: len(whole) // 2]
        sides = []
        for side in (1, -1):
            outer, inner = right * [side, 1], right.copy()
            # Open from the neck down, wider towards the hem.
            inner[:, 0] = side * self.coat_open * np.linspace(0.25, 1.0, len(right))
            sides.append(np.vstack([outer, inner[::-1]]))
        return sides

    def _dress(self) -> list[np.ndarray]:
        figure, ease = self.figure, 0.6 * self.ease
        skirt = both_sides(
            [
                (figure.waist + ease, WAIST),
                (figure.hip + 0.01 + 0.3 * self.flare, HIP),
                (figure.hip + self.flare, self.dress_hem),
            ]
        )
        return [skirt, self._trunk(WAIST + 0.01, ease)]

    def _trouser(self) -> list[np.ndarray]:
        figure, ease = self.figure, self.trouser_ease
        hip = figure.hip + 0.006 + 0.3 * ease
        seat = both_sides([(figure.waist + 0.005, WAIST + 0.04), (hip, HIP), (hip * 0.9, CROTCH)])
        widths = np.array([hip, 0.062 + 1.5 * ease, 0.048 + 2 * ease])
        share = (self.trouser_hem - HIP) / (ANKLE - HIP)
        return [*(limb(*shortened(leg, widths, share)) for leg in figure.legs), seat]
