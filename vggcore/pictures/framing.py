"""Pictures scaled and put into the square that a network gets. Numpy and Pillow only."""

import numpy as np
from PIL import Image, ImageFilter, ImageOps

WORKING_SIDE = 128  # pixels of the longest side when background and garment are found
Box = tuple[int, int, int, int]  # top, bottom, left, right


def working_copy(image: Image.Image) -> Image.Image:
    """The picture with its longest side at most `WORKING_SIDE`."""
    longest = max(image.size)
    if longest > 2 * WORKING_SIDE:
        image = image.reduce(longest // WORKING_SIDE)
    if max(image.size) > WORKING_SIDE:
        scale = WORKING_SIDE / max(image.size)
        side = [max(1, round(length * scale)) for length in image.size]
        image = image.resize(side, Image.Resampling.BOX)
    return image


def middle_of(picture: Image.Image, share: float) -> Image.Image:
    """The middle of the picture, with this share of its width and height."""
    width, height = (max(1, round(length * share)) for length in picture.size)
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    return picture.crop((left, top, left + width, top + height))


def in_a_square(
    picture: Image.Image, size: int, channels: int, negate: bool = False
) -> Image.Image:
    """The picture in the middle of a square that is filled with the colour of its edge."""
    scale = size / max(picture.size)
    width, height = (max(1, round(length * scale)) for length in picture.size)
    grow = scale > 1
    way = Image.Resampling.BILINEAR if grow else Image.Resampling.BOX
    small = picture.resize((width, height), way)
    if negate:
        small = ImageOps.invert(small)
    if channels == 1:
        small = small.convert("L")
    if width == height:
        return small
    pixels = np.asarray(small)
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    fill = np.median(edge, axis=0).astype(int).tolist()
    square = Image.new(small.mode, (size, size), fill if channels == 1 else tuple(fill))
    square.paste(small, ((size - width) // 2, (size - height) // 2))
    return square


def centred(bright: np.ndarray, size: int, margin: float) -> np.ndarray:
    """Scaled so that the longest side fits inside the margins, centred on a black square."""
    height, width = bright.shape
    room = size - 2 * round(size * margin)
    scale = room / max(height, width)
    new = (max(1, round(width * scale)), max(1, round(height * scale)))
    scaled = Image.fromarray(bright).resize(new, Image.Resampling.BILINEAR)
    frame = Image.new("L", (size, size))
    # If it cannot be exactly central, then right of and below it, as in Fashion-MNIST.
    frame.paste(scaled, ((size - new[0] + 1) // 2, (size - new[1] + 1) // 2))
    return np.asarray(frame)


def framed(
    colours: np.ndarray, box: Box | None, size: int, margin: float, fill: np.ndarray
) -> np.ndarray:
    """The same square as `centred` shows, in colour: uint8 [size, size, 3].

    Around the box it shows the picture, and beyond the picture's edges `fill`.
    """
    top, bottom, left, right = box or (0, colours.shape[0], 0, colours.shape[1])
    room = size - 2 * round(size * margin)
    side = max(1, round(max(bottom - top, right - left) * size / room))
    y, x = (top + bottom - side) // 2, (left + right - side) // 2
    square = np.empty((side, side, 3), np.float32)
    square[:] = fill
    y0, x0 = max(y, 0), max(x, 0)
    y1, x1 = min(y + side, colours.shape[0]), min(x + side, colours.shape[1])
    square[y0 - y : y1 - y, x0 - x : x1 - x] = colours[y0:y1, x0:x1]
    whole = Image.fromarray(np.clip(square, 0, 255).astype(np.uint8))
    return np.asarray(whole.resize((size, size), Image.Resampling.BILINEAR))


def thickened(bright: np.ndarray, mask: np.ndarray, size: int) -> np.ndarray:
    """Thin pen lines thickened so that they survive scaling down; all else unchanged."""
    longest = max(bright.shape)
    if longest < size or mask.mean() > 0.16:
        return bright
    return np.asarray(Image.fromarray(bright).filter(ImageFilter.MaxFilter(3)))
