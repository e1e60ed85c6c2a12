"""A picture's way through a network, as one strip: picture, input, five blocks, answer.

The strip that a visitor sees first was stored by `docs/make_samples.py`, so that the page does
not need PyTorch; after a click, the network computes it.
"""

import base64
import json
from dataclasses import asdict, dataclass
from functools import lru_cache
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from dashboard.shared import palette
from dashboard.shared.language import N_, tr
from vggcore.data.classes import percent

if TYPE_CHECKING:
    from vggcore.answers.classifier import Classifier

SAMPLES = Path(__file__).resolve().parents[1] / "assets" / "samples"
STORED = SAMPLES / "journey.json"
NAMES = (N_("T-shirt"), N_("bag"), N_("ankle boot"))  # files in SAMPLES, with "-" for " "
_SHOWN = 4  # bars
_SIDES = (104, 92, 80, 70, 62)  # CSS pixels of the blocks' tiles: the maps get smaller
_COLOURS = tuple(palette.BLOCKS.values())


@dataclass(frozen=True)
class Journey:
    """What a strip shows. Pictures are data URIs."""

    weights: str  # SHA-256 of the network's weights
    sample: str  # what the picture shows
    picture: str
    seen: str  # what the network sees
    blocks: tuple[tuple[int, int, str], ...]  # number of maps, their side, and some of them
    verdict: str
    chances: tuple[tuple[str, float], ...]  # the most probable classes

    @classmethod
    def of(cls, network: "Classifier", picture: Image.Image, sample: str) -> "Journey":
        """This picture's way through this network."""
        from vggcore.answers.explain import feature_maps, mosaic

        answer = network.classify(picture)
        network_input = answer.prepared.network_input
        maps = feature_maps(network.network, network.network_input(network_input))
        ranked = sorted(answer.probabilities.items(), key=lambda item: -item[1])[:_SHOWN]
        return cls(
            weights=network.checkpoint.card.sha256,
            sample=sample,
            picture=_uri(picture),
            seen=_uri(Image.fromarray(np.ascontiguousarray(answer.prepared.steps[-1][1]))),
            blocks=tuple(
                (len(block), block.shape[1], _uri(Image.fromarray(mosaic(block)))) for block in maps
            ),
            verdict="Unsure" if answer.unsure else answer.label,
            chances=tuple(ranked),
        )

    def to_json(self) -> str:
        return json.dumps(asdict(self))


@lru_cache(maxsize=1)
def stored() -> Journey:
    """The strip shipped with the dashboard."""
    values = json.loads(STORED.read_text("utf-8"))
    pairs = {key: tuple(map(tuple, values[key])) for key in ("blocks", "chances")}
    return Journey(**values | pairs)


def sample_picture(name: str) -> Image.Image:
    """One of the made-up garments, RGB."""
    with Image.open(sample_file(name)) as image:
        return image.convert("RGB")


def sample_file(name: str) -> Path:
    return SAMPLES / f"{name.lower().replace(' ', '-')}.png"


def _uri(picture: Image.Image) -> str:
    stream = BytesIO()
    picture.save(stream, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


def html(way: Journey) -> str:
    """The strip. It moves only if the visitor's system allows motion."""
    stages = [
        _stage(tr("picture"), way.picture, 116, palette.GREY),
        _stage(tr("what the network sees"), way.seen, 116, palette.GREY),
    ]
    for number, (block, side) in enumerate(zip(way.blocks, _SIDES, strict=True)):
        count, pixels, picture = block
        caption = tr("{count} maps, {side}×{side}", count=count, side=pixels)
        title = tr("block {number}", number=number + 1)
        stages.append(_stage(caption, picture, side, _COLOURS[number], title, number + 1))
    parts = [stages[0]]
    for place, stage in enumerate([*stages[1:], _answer(way)]):
        delay = f"animation-delay:{0.45 * place:.1f}s"
        arrow = f'<span class="way-arrow" style="{delay}" aria-hidden="true">→</span>'
        parts.append(f'<div class="way-step">{arrow}{stage}</div>')  # on one line with its target
    return f"<style>{_STYLE}</style><div class='way'>{''.join(parts)}</div>"


def _stage(
    caption: str, picture: str, side: int, colour: str, title: str = "", sheets: int = 0
) -> str:
    """A tile; `sheets` behind it stand for the growing number of maps."""
    shadow = ",".join(
        f"{3 * n}px {-3 * n}px 0 -1px var(--way-sheet),{3 * n}px {-3 * n}px 0 0 {colour}"
        for n in range(1, sheets + 1)
    )
    alt = tr("{title}: {text}", title=title, text=caption) if title else caption
    heading = f"<b>{escape(title)}</b><br>" if title else ""
    return (
        f'<figure><img src="{picture}" alt="{escape(alt)}" style="--side:{side}px;'
        f'border-color:{colour};{f"box-shadow:{shadow};" if shadow else ""}">'
        f"<figcaption>{heading}{escape(caption)}</figcaption></figure>"
    )


def _answer(way: Journey) -> str:
    bars = "".join(
        f"<li><span>{escape(tr(label))}</span><span class='way-bar'>"
        f"<i style='width:{100 * chance:.1f}%'></i></span><span>{percent(chance)}</span></li>"
        for label, chance in way.chances
    )
    verdict = f"<b>{escape(tr(way.verdict))}</b>"
    return f"<div class='way-answer' role='status'>{verdict}<ol>{bars}</ol></div>"


_STYLE = f"""
.way {{ display: flex; flex-wrap: wrap; align-items: center; gap: .7rem .55rem;
  margin: .4rem 0 .2rem; --way-sheet: rgba(128, 128, 128, .35); --way-scale: 1; }}
.way-step {{ display: flex; align-items: center; gap: .55rem; }}
.way-step:last-child {{ flex: 1 1 240px; }}
.way figure {{ margin: 0; text-align: center; }}
.way img {{ display: block; width: calc(var(--side) * var(--way-scale));
  margin: 18px auto .3rem; border: 2px solid; border-radius: 6px;
  image-rendering: auto; aspect-ratio: 1; object-fit: contain; }}
.way figcaption {{ font-size: .8rem; line-height: 1.25; max-width: 120px; }}
.way-arrow {{ font-size: 1.3rem; opacity: .55; }}
.way-answer {{ min-width: 210px; flex: 1 1 210px; max-width: 330px; }}
.way-answer > b {{ font-size: 1.5rem; font-weight: 600; }}
.way-answer ol {{ list-style: none; margin: .2rem 0 0; padding: 0; }}
.way-answer li {{ display: grid; grid-template-columns: 6rem 1fr 2.6rem; gap: .4rem;
  align-items: center; margin: .15rem 0; font-size: .9rem; }}
.way-answer li span:last-child {{ text-align: right; }}
.way-bar {{ background: {palette.BAR_BACKGROUND}; border-radius: 4px; height: .85rem; }}
.way-bar i {{ display: block; height: 100%; border-radius: 4px; background: {palette.BAR}; }}
@media (max-width: 640px) {{
  .way, .way-step {{ --way-scale: .5; gap: .1rem .3rem; }}
  .way img {{ margin-top: 12px; }}
  .way figcaption {{ font-size: .66rem; max-width: 66px; }}
  .way-arrow {{ font-size: .9rem; }}
}}
@media (prefers-reduced-motion: no-preference) {{
  .way-arrow {{ animation: way-on 3.6s ease-in-out infinite; }}
  @keyframes way-on {{ 0%, 60%, 100% {{ opacity: .25; transform: none; }}
    15% {{ opacity: 1; transform: translateX(3px); }} }}
}}
"""
