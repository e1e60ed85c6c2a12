// From a picture to the network's input: `vggcore/pictures/prepare.py`, which explains, in
// JavaScript, without its choices: everything is found out from the picture.

const STYLES = {
  outline: { margin: 1 / 16, channels: 1 },
  "fashion-mnist": { margin: 0, channels: 1 },
  colour: { margin: 1 / 16, channels: 3 },
  "colour-outline": { margin: 1 / 16, channels: 4 },
  picture: { margin: 0, channels: 3, whole: true },
  "grey-picture": { margin: 0, channels: 1, whole: true },
}
const WORKING_SIDE = 128, DIM = 90, FAINT = 10

// {inputs: [picture, …], blank, drawn} of a picture with three channels.
function prepare(image, size, style, middle = 0) {
  const { margin, channels, whole } = STYLES[style]
  if (whole) return wholePicture(image, size, channels)
  const { original, small } = withoutRim(image)
  const first = viewOf(small)
  const { spread } = first
  let view = first
  const blank = !first.mask.includes(1) || percentile(first.signed.map(Math.abs), 99.9) < FAINT
  const onBlack = spread === 0 && first.background.every((value) => value <= SAME)
  let bright = brightness(view)
  const dim = blank || percentile(masked(bright, view.mask), 97) < DIM
  const full = onBlack && !dim ? 255 : 0
  let box = blank ? null : boxAround(view, spread ? 0.003 : 0.0005)
  if (box && Math.max(box[1] - box[0], box[3] - box[2]) < size) {
    ;[view, box] = closer(view, original, box)
    bright = brightness(view)
  }
  const [top, bottom, left, right] = box ?? [0, view.height, 0, view.width]
  const garment = { width: right - left, height: bottom - top, mask: null, bright: null }
  garment.mask = cutOut(view.mask, view.width, top, bottom, left, right)
  garment.bright = cutOut(bright, view.width, top, bottom, left, right)
  const flat = picture(garment.width, garment.height, 1)
  if (!blank) flat.data.set(stretched(garment, full))
  const outline = centred(thickened(flat, garment.mask, size), size, margin)
  let input = outline
  if (channels > 1) {
    input = framed(view, [top, bottom, left, right], size, margin)
    if (channels === 4) input = stacked(input, outline)
  }
  const drawn = isDrawn(small, first)
  const inputs = [input]
  if (middle && !drawn && !blank) {
    const inner = prepare(middleOf(original, middle), size, style)
    if (!inner.blank) inputs.push(inner.inputs[0])
  }
  return { inputs, blank, drawn }
}

function middleOf(from, share) {
  const width = Math.max(1, round(from.width * share)), height = Math.max(1, round(from.height * share))
  const left = Math.floor((from.width - width) / 2), top = Math.floor((from.height - height) / 2)
  return crop(from, left, top, left + width, top + height)
}

// The picture in the middle of a square that is filled with the colour of its edge.
function wholePicture(image, size, channels) {
  const scale = size / Math.max(image.width, image.height)
  const width = Math.max(1, round(image.width * scale)), height = Math.max(1, round(image.height * scale))
  let small = resize(image, width, height, scale > 1 ? "bilinear" : "box")
  if (channels === 1) small = grey(small)
  let square = small
  if (width !== height) {
    square = picture(size, size, channels)
    for (let channel = 0; channel < channels; channel++) {
      const value = (y, x) => small.data[(y * width + x) * channels + channel]
      const edge = []
      for (let x = 0; x < width; x++) edge.push(value(0, x), value(height - 1, x))
      for (let y = 0; y < height; y++) edge.push(value(y, 0), value(y, width - 1))
      const fill = Math.trunc(median(edge))
      for (let at = channel; at < square.data.length; at += channels) square.data[at] = fill
    }
    paste(square, small, (size - width) >> 1, (size - height) >> 1)
  }
  let low = 255, high = 0
  for (const value of square.data) [low, high] = [Math.min(low, value), Math.max(high, value)]
  return { inputs: [square], blank: high - low < FAINT, drawn: false }
}

function paste(onto, from, left, top) {
  const line = from.width * from.channels
  for (let y = 0; y < from.height; y++)
    onto.data.set(
      from.data.subarray(y * line, (y + 1) * line),
      ((top + y) * onto.width + left) * onto.channels
    )
}

// A picture against its background.
function viewOf(colours) {
  return { ...againstGround(colours), colours, width: colours.width, height: colours.height }
}

// The box and its surroundings in the original's pixels, and where the box is there.
function closer(view, original, box) {
  const scale = original.width / view.width
  if (scale <= 1) return [view, box]
  const [top, bottom, left, right] = box
  const room = Math.floor(Math.max(bottom - top, right - left) / 4) + 1
  const y0 = Math.max(0, top - room), y1 = Math.min(view.height, bottom + room)
  const x0 = Math.max(0, left - room), x1 = Math.min(view.width, right + room)
  const colours = workingCopy(crop(original, x0 * scale, y0 * scale, x1 * scale, y1 * scale))
  const { width, height } = colours
  const background = new Float32Array(width * height * 3)
  const from = (low, high, n, count) => (count > 1 ? round(low + (n * (high - 1 - low)) / (count - 1)) : low)
  for (let y = 0, to = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let channel = 0; channel < 3; channel++) {
        const at = view.spread ? from(y0, y1, y, height) * view.width + from(x0, x1, x, width) : 0
        background[to++] = view.background[3 * at + channel]
      }
  const signed = strongestChannel(colours.data, background)
  const limit = Math.fround(view.threshold)
  const mask = Uint8Array.from(signed, (value) => Math.abs(value) > limit)
  const down = height / (y1 - y0), across = width / (x1 - x0)
  const there = [
    Math.trunc((top - y0) * down),
    round((bottom - y0) * down),
    Math.trunc((left - x0) * across),
    round((right - x0) * across),
  ]
  return [{ ...view, colours, width, height, background, signed, mask }, there]
}

// How bright each pixel becomes: its difference from the background.
function brightness({ signed, spread, threshold }) {
  const bright = signed.map(Math.abs)
  if (spread >= BUSY) return bright
  // Soft, so that faint pencil strokes are thinned rather than cut into pieces.
  const less = Math.fround(Math.min(1.5 * spread, 0.5 * threshold))
  return bright.map((value) => Math.max(0, value - less))
}

function masked(values, mask) {
  return values.filter((_, n) => mask[n])
}

function cutOut(values, width, top, bottom, left, right) {
  const part = new values.constructor((bottom - top) * (right - left))
  for (let y = top, to = 0; y < bottom; y++)
    for (let x = left; x < right; x++) part[to++] = values[y * width + x]
  return part
}

// Bytes, scaled so that `full`, or else the garment's brightest parts, become 255.
function stretched({ bright, mask }, full) {
  const marks = masked(bright, mask)
  const top = full || (marks.length ? percentile(marks, 97) : 255)
  const factor = Math.fround(255 / Math.max(top, 1))
  return Uint8Array.from(bright, (value) => Math.max(0, Math.min(255, Math.fround(value * factor))))
}

function withoutRim(image) {
  const small = workingCopy(image)
  const inside = insideRim(small)
  if (!inside) return { original: image, small }
  const [top, bottom, left, right] = inside
  const down = image.height / small.height, across = image.width / small.width
  const original = crop(image, left * across, top * down, right * across, bottom * down)
  return { original, small: workingCopy(original) }
}

// The picture with its longest side at most 128.
function workingCopy(image) {
  const longest = Math.max(image.width, image.height)
  if (longest > 2 * WORKING_SIDE) image = reduce(image, Math.floor(longest / WORKING_SIDE))
  const now = Math.max(image.width, image.height)
  if (now <= WORKING_SIDE) return image
  const scale = WORKING_SIDE / now
  const [width, height] = [image.width, image.height].map((n) => Math.max(1, round(n * scale)))
  return resize(image, width, height, "box")
}

// [top, bottom, left, right] around the mask, or null.
function boxAround({ mask, width, height }, stray) {
  const rows = new Float64Array(height), columns = new Float64Array(width)
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++)
      if (mask[i]) {
        rows[y]++
        columns[x]++
      }
  const [top, bottom] = spanOf(rows.map((n) => n / width), stray)
  const [left, right] = spanOf(columns.map((n) => n / height), stray)
  const sides = [bottom - top, right - left]
  return Math.min(...sides) < 3 || Math.max(...sides) < 8 ? null : [top, bottom, left, right]
}

// The first index that holds a noticeable share of the mask, and one past the last.
function spanOf(profile, stray) {
  const total = profile.reduce((a, b) => a + b, 0)
  let sum = 0
  const cumulated = profile.map((value) => (sum += value))
  const first = cumulated.findIndex((value) => value > stray * total)
  const last = cumulated.findIndex((value) => value >= (1 - stray) * total)
  return [first, Math.min((last < 0 ? profile.length : last) + 1, profile.length)]
}

// Thin pen lines thickened so that they survive scaling down; all else unchanged.
function thickened(flat, mask, size) {
  const { width, height, data } = flat
  const share = mask.reduce((a, b) => a + b, 0) / mask.length
  if (Math.max(width, height) < size || share > 0.16) return flat
  const result = picture(width, height, 1)
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++) {
      let most = 0
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++)
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++)
          most = Math.max(most, data[v * width + u])
      result.data[i] = most
    }
  return result
}

// Scaled so that the longest side fits inside the margins, centred on a black square.
function centred(flat, size, margin) {
  const room = size - 2 * round(size * margin)
  const scale = room / Math.max(flat.height, flat.width)
  const width = Math.max(1, round(flat.width * scale)), height = Math.max(1, round(flat.height * scale))
  const frame = picture(size, size, 1)
  paste(frame, resize(flat, width, height, "bilinear"), (size - width + 1) >> 1, (size - height + 1) >> 1)
  return frame
}

// The same square as `centred` shows, in colour; beyond the picture's edges the background.
function framed({ colours, background, width, height }, [top, bottom, left, right], size, margin) {
  const room = size - 2 * round(size * margin)
  const side = Math.max(1, round((Math.max(bottom - top, right - left) * size) / room))
  const y = Math.floor((top + bottom - side) / 2), x = Math.floor((left + right - side) / 2)
  const square = picture(side, side, 3)
  const sums = [0, 0, 0]
  for (let at = 0; at < background.length; at++) sums[at % 3] += background[at]
  const fill = sums.map((sum) => Math.trunc(Math.max(0, Math.min(255, sum / (width * height)))))
  for (let at = 0; at < square.data.length; at++) square.data[at] = fill[at % 3]
  const x0 = Math.max(x, 0), x1 = Math.min(x + side, width)
  for (let row = Math.max(y, 0); row < Math.min(y + side, height); row++)
    square.data.set(
      colours.data.subarray((row * width + x0) * 3, (row * width + x1) * 3),
      ((row - y) * side + x0 - x) * 3
    )
  return resize(square, size, size, "bilinear")
}

function stacked(colours, outline) {
  const result = picture(colours.width, colours.height, 4)
  for (let i = 0; i < outline.data.length; i++) {
    for (let channel = 0; channel < 3; channel++) result.data[4 * i + channel] = colours.data[3 * i + channel]
    result.data[4 * i + 3] = outline.data[i]
  }
  return result
}
