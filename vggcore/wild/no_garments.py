"""Pictures without a garment: blank, noise, scribble, writing, faces, landscapes."""

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from vggcore.wild.backgrounds import SIDE, background, camera, colour, texture
from vggcore.wild.drawings import drawing, ink_and_paper
from vggcore.wild.lines import circle

_SKIN = ((255, 224, 196), (241, 194, 160), (224, 172, 125), (160, 110, 75), (92, 60, 42))


def no_garment(rng: np.random.Generator, patches: np.ndarray | None = None) -> Image.Image:
    """Blank, noise, scribble, shapes, writing, face, landscape, or a photo's background."""
    kinds = (
        blank,
        noise,
        scribble,
        scribble,
        shapes,
        writing,
        writing,
        face,
        face,
        landscape,
        landscape,
    )
    if patches is not None and rng.random() < 0.12:
        patch = patches[rng.integers(len(patches))].astype(np.float32)
        return camera(rng, patch)
    return kinds[rng.integers(len(kinds))](rng)


def blank(rng) -> Image.Image:
    return camera(rng, background(rng, None, SIDE, SIDE))


def noise(rng) -> Image.Image:
    cells = int(rng.choice([4, 8, 16, 28, 56, SIDE]))
    values = rng.normal(128, rng.uniform(10, 90), (cells, cells, 3))
    if rng.random() < 0.6:
        values[:] = values[..., :1]
    if rng.random() < 0.3:
        values = rng.uniform(0, 255, (cells, cells, 1)) * np.ones(3)
    image = Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
    return image.resize((SIDE, SIDE), int(rng.choice([0, 2, 3])))


def scribble(rng) -> Image.Image:
    lines = []
    for _ in range(int(rng.integers(1, 6))):
        count = int(rng.integers(2, 60))
        kind = rng.integers(4)
        t = np.linspace(0, 1, count)
        if kind == 0:
            line = np.cumsum(rng.normal(0, 0.1, (count, 2)), axis=0)
        elif kind == 1:  # back and forth
            line = np.stack([t, np.where(np.arange(count) % 2, 0.0, rng.uniform(0.2, 1))], 1)
        elif kind == 2:  # loops
            turns = rng.uniform(1, 9) * 2 * np.pi
            line = np.stack(
                [rng.uniform(0, 2) * t + 0.3 * np.cos(turns * t), 0.4 * np.sin(turns * t)], 1
            )
        else:
            line = rng.uniform(0, 1, (int(rng.integers(2, 5)), 2))
        lines.append(line * rng.uniform(0.3, 1, 2) + rng.uniform(0, 0.6, 2))
    return drawing(rng, None, lines)


def shapes(rng) -> Image.Image:
    corners = int(rng.choice([3, 5, 6, 8, 24]))
    angles = np.linspace(0, 2 * np.pi, corners + 1) + rng.uniform(0, 2)
    radius = np.ones(corners + 1)
    if rng.random() < 0.3:
        radius[1::2] *= rng.uniform(0.3, 0.8)
        radius[-1] = radius[0]
    line = np.stack([np.cos(angles), np.sin(angles)], 1) * radius[:, None]
    lines = [
        line * rng.uniform(0.2, 0.6) + rng.uniform(-1, 1, 2) for _ in range(int(rng.integers(0, 3)))
    ]
    return drawing(rng, line, lines)


def writing(rng) -> Image.Image:
    characters = "0123456789" * 4 + "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefgh?!&@"
    text = "".join(rng.choice(list(characters), int(rng.choice([1, 1, 1, 2, 3]))))
    font = ImageFont.load_default(size=80)
    left, top, right, bottom = font.getbbox(text)
    sheet = Image.new("L", (int(right - left) + 40, int(bottom - top) + 40), 0)
    stroke = int(rng.integers(0, 5))
    ImageDraw.Draw(sheet).text((20 - left, 20 - top), text, 255, font=font, stroke_width=stroke)
    sheet = sheet.rotate(float(rng.normal(0, 10)), Image.Resampling.BILINEAR, expand=True)
    width, height = sheet.size
    bend = rng.normal(0, 0.15, 8) * np.array([0, 1, 0, 0, 0, 0, 0, 1]) * height
    corners = np.array([0, 0, 0, height, width, height, width, 0]) + bend
    sheet = sheet.transform(
        (SIDE, SIDE), Image.Transform.QUAD, tuple(corners), Image.Resampling.BILINEAR
    )
    ink, paper = ink_and_paper(rng)
    coverage = np.asarray(sheet, np.float32)[..., None] / 255
    picture = paper + coverage * (ink - paper)
    picture = picture.astype(np.float32)
    return camera(rng, picture) if rng.random() < 0.5 else Image.fromarray(picture.astype(np.uint8))


def face(rng) -> Image.Image:
    if rng.random() < 0.45:
        t = np.linspace(0, 2 * np.pi, 25)
        outline = np.stack([rng.uniform(0.7, 1.0) * np.cos(t), np.sin(t)], 1)
        size, y = rng.uniform(0.05, 0.15), rng.uniform(-0.4, -0.1)
        eyes = [circle(side * 0.35, y, size) for side in (-1, 1)]
        arc = np.linspace(-1, 1, 9)
        mouth = np.stack([0.4 * arc, 0.45 + rng.uniform(-0.2, 0.2) * (1 - arc**2)], 1)
        nose = [np.array([[0, -0.05], [rng.uniform(-0.1, 0.1), 0.2]])] if rng.random() < 0.6 else []
        return drawing(rng, outline, [*eyes, mouth, *nose])
    picture = background(rng, None, SIDE, SIDE)
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    skin = tuple(int(c * rng.uniform(0.85, 1.05)) for c in _SKIN[rng.integers(len(_SKIN))])
    x, radius = SIDE * rng.uniform(0.42, 0.58), SIDE * rng.uniform(0.18, 0.42)
    y = SIDE * rng.uniform(0.42, 0.55)
    if rng.random() < 0.6:  # shoulders, cut off below
        clothes = tuple(int(c) for c in colour(rng))
        draw.ellipse([x - 2 * radius, y + 1.3 * radius, x + 2 * radius, y + 5 * radius], clothes)
    _head(rng, draw, x, y, radius, skin)
    dark = tuple(int(c * 0.4) for c in skin)

    def oval(dx: float, dy: float, rx: float, ry: float, fill) -> None:
        cx, cy = x + dx * radius, y + dy * radius
        draw.ellipse([cx - rx * radius, cy - ry * radius, cx + rx * radius, cy + ry * radius], fill)

    for side in (-0.42, 0.42):
        oval(side, -0.1, 0.2, 0.09, (240, 240, 235))
        oval(side, -0.1, 0.08, 0.08, dark)
        oval(side, -0.37, 0.25, 0.04, dark)
    oval(0.0, 0.3, 0.1, 0.06, dark)
    oval(0.0, 0.68, 0.35, 0.08, (170, 80, 80))
    return camera(rng, np.asarray(image.filter(ImageFilter.GaussianBlur(0.8)), np.float32))


def landscape(rng) -> Image.Image:
    width = int(SIDE * rng.uniform(1.0, 1.5))
    y = np.linspace(0, 1, SIDE, dtype=np.float32)[:, None, None]
    picture = (1 - y) * colour(rng) + y * colour(rng) + np.zeros((SIDE, width, 1), np.float32)
    x = np.linspace(0, 1, width)
    for level in np.sort(rng.uniform(0.3, 0.9, int(rng.integers(1, 5)))):
        rough = rng.normal(0, 1, int(rng.integers(3, 14)))
        line = level + rng.uniform(0.01, 0.15) * np.interp(x, np.linspace(0, 1, len(rough)), rough)
        picture = np.where(y > line[None, :, None], colour(rng), picture)
    image = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    if rng.random() < 0.4:
        sun, r = rng.uniform(0.1, 0.9) * width, rng.uniform(3, 12)
        draw.ellipse([sun - r, 20 - r, sun + r, 20 + r], tuple(int(c) for c in colour(rng)))
    for _ in range(int(rng.integers(0, 8))):  # trees and houses
        left, base = rng.uniform(0, width), rng.uniform(0.5, 1) * SIDE
        w, h = rng.uniform(4, 25), rng.uniform(8, 50)
        fill = tuple(int(c) for c in colour(rng))
        if rng.random() < 0.5:
            draw.rectangle([left, base - h, left + w, base], fill)
        else:
            draw.polygon([(left, base), (left + w, base), (left + w / 2, base - h)], fill)
    picture = (
        np.asarray(image, np.float32) + (rng.uniform(0, 25) * texture(rng, SIDE, width))[..., None]
    )
    return camera(rng, picture)


def _head(rng, draw, x, y, radius, skin) -> None:
    hair = tuple(int(c) for c in rng.uniform(10, 140) * np.array([1.0, 0.8, 0.6]))
    long = rng.uniform(1.0, 2.4)
    draw.ellipse([x - 1.25 * radius, y - 1.5 * radius, x + 1.25 * radius, y + long * radius], hair)
    draw.rectangle([x - 0.45 * radius, y, x + 0.45 * radius, y + 1.8 * radius], skin)
    draw.ellipse([x - radius, y - 1.2 * radius, x + radius, y + 1.2 * radius], skin)
    for side in (-1, 1):
        eye = x + side * 0.4 * radius
        draw.ellipse([eye - 1, y - 1, eye + 1, y + 1], hair)
    draw.line(
        [x - 0.3 * radius, y + 0.6 * radius, x + 0.3 * radius, y + 0.6 * radius], (150, 70, 70)
    )
