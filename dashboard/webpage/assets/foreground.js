// What a picture's background is, and what stands out from it: `vggcore/pictures/foreground.py`, which
// explains and gives the reasons for the numbers, in JavaScript.

const BUSY = 30, SAME = 3
const DRAWN_SPREAD = 8, DRAWN_SHADES = 24, DRAWN_COLOUR = 40
const RIM_SAME = 12, RIM_EDGE = 24, RIM_SHARP = 0.93, RIM_CONTENT = 40, RIM_INSIDE = 0.3
const RIM_MIN_SIDE = 64

// numpy.percentile, with linear interpolation.
function percentile(values, percent) {
  const sorted = Float32Array.from(values).sort()
  const place = (percent / 100) * (sorted.length - 1)
  const low = Math.floor(place)
  const next = sorted[Math.min(low + 1, sorted.length - 1)]
  return sorted[low] + (next - sorted[low]) * (place - low)
}

function median(values) {
  return percentile(values, 50)
}

// {background: Float32Array [H, W, 3], spread, signed: Float32Array [H, W], threshold, mask [H, W]}
function againstGround(colours) {
  const { background, spread } = backgroundOf(colours)
  const signed = strongestChannel(colours.data, background)
  const size = signed.map(Math.abs)
  let threshold = 3 * Math.min(spread, BUSY) + 4
  const strongest = percentile(size, 99.5)
  threshold = Math.max(threshold, (spread ? 0.12 : 0.03) * strongest)
  threshold = Math.min(threshold, Math.max(0.5 * strongest, 4))
  const limit = Math.fround(threshold)
  return { background, spread, signed, threshold, mask: Uint8Array.from(size, (v) => v > limit) }
}

// The one of each pixel's three signed differences that is furthest from 0.
function strongestChannel(data, background) {
  const signed = new Float32Array(data.length / 3)
  for (let i = 0, at = 0; i < signed.length; i++, at += 3) {
    const a = data[at] - background[at]
    const b = data[at + 1] - background[at + 1]
    const c = data[at + 2] - background[at + 2]
    const low = Math.min(a, b, c), high = Math.max(a, b, c)
    signed[i] = -low > high ? low : high
  }
  return signed
}

function corners({ width, height, data }) {
  return [[0, 0], [0, width - 1], [height - 1, 0], [height - 1, width - 1]].map(([y, x]) =>
    [0, 1, 2].map((channel) => data[(y * width + x) * 3 + channel])
  )
}

function furthest(data, at, colour) {
  return Math.max(
    Math.abs(data[at] - colour[0]),
    Math.abs(data[at + 1] - colour[1]),
    Math.abs(data[at + 2] - colour[2])
  )
}

// The background's colour at each pixel, and its spread around that in grey levels.
function backgroundOf(colours) {
  const { width, height, data } = colours
  const depth = Math.max(1, Math.floor(Math.min(height, width) / 24))
  const border = [] // places of its pixels
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++)
      if (y < depth || x < depth || y >= height - depth || x >= width - depth) border.push(i)
  const background = new Float32Array(width * height * 3)
  const flat = flatGround(colours, border)
  if (flat) {
    for (let at = 0; at < background.length; at++) background[at] = flat[at % 3]
    return { background, spread: 0 }
  }
  const along = (at, length) => (length > 1 ? (2 * at) / (length - 1) - 1 : -1)
  const terms = border.map((i) => [1, along(Math.floor(i / width), height), along(i % width, width)])
  const middle = [0, 1, 2].map((channel) => median(border.map((i) => data[3 * i + channel])))
  let distance = border.map((i) => furthest(data, 3 * i, middle))
  let plane
  for (let again = 0; again < 2; again++) {
    const limit = Math.max(percentile(distance, 70), 2)
    const near = border.map((_, n) => n).filter((n) => distance[n] <= limit)
    plane = fitPlane(near.map((n) => terms[n]), near.map((n) => 3 * border[n]), data)
    distance = border.map((i, n) =>
      furthest(data, 3 * i, plane.map(([a, b, c]) => a + b * terms[n][1] + c * terms[n][2]))
    )
  }
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (const [a, b, c] of plane)
        background[at++] = Math.max(0, Math.min(255, a + b * along(y, height) + c * along(x, width)))
  return { background, spread: median(distance) * 1.5 }
}

// The single colour of a drawn or cut-out background, or null.
function flatGround(colours, border) {
  const four = corners(colours)
  const colour = [0, 1, 2].map((channel) => median(four.map((corner) => corner[channel])))
  const agreeing = four.filter((corner) => furthest(corner, 0, colour) <= SAME).length
  const same = border.filter((i) => furthest(colours.data, 3 * i, colour) <= SAME).length
  return agreeing >= 3 && same / border.length >= 0.25 ? colour : null
}

// Least squares for each channel: [constant, down, across], with slopes pulled slightly towards 0.
function fitPlane(terms, places, data) {
  const pull = 0.05 * terms.length
  const normal = [[1e-4, 0, 0], [0, pull + 1e-4, 0], [0, 0, pull + 1e-4]]
  const right = [[0, 0, 0], [0, 0, 0], [0, 0, 0]]
  terms.forEach((term, n) => {
    for (let row = 0; row < 3; row++) {
      for (let column = 0; column < 3; column++) normal[row][column] += term[row] * term[column]
      for (let channel = 0; channel < 3; channel++)
        right[channel][row] += term[row] * data[places[n] + channel]
    }
  })
  return right.map((values) => solved(normal, values))
}

// Cramer's rule.
function solved(matrix, values) {
  const determinant = (m) =>
    m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1]) -
    m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0]) +
    m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0])
  const whole = determinant(matrix)
  return [0, 1, 2].map(
    (place) =>
      determinant(
        matrix.map((row, at) => row.map((v, column) => (column === place ? values[at] : v)))
      ) / whole
  )
}

// Whether a picture is drawn or printed rather than photographed.
function isDrawn(colours, { spread, signed, mask }) {
  const marks = []
  for (let i = 0; i < mask.length; i++) if (mask[i]) marks.push(i)
  if (spread >= DRAWN_SPREAD || !marks.length) return spread < DRAWN_SPREAD
  const shades = new Set()
  const colourful = []
  for (const i of marks) {
    const [r, g, b] = colours.data.subarray(3 * i, 3 * i + 3)
    shades.add(((r >> 4) << 8) | ((g >> 4) << 4) | (b >> 4))
    colourful.push(Math.max(r, g, b) - Math.min(r, g, b))
  }
  if (shades.size <= DRAWN_SHADES) return true
  const strong = 0.12 * percentile(marks.map((i) => Math.abs(signed[i])), 95)
  let same = 0
  for (let i = 0; i < signed.length; i++) same += Math.abs(signed[i]) < strong
  return percentile(colourful, 90) < DRAWN_COLOUR && same / signed.length > 0.6
}

// The first index whose value is not 0, and one past the last; null if all are.
function extent(flags) {
  const first = flags.findIndex(Boolean)
  return first < 0 ? null : [first, flags.findLastIndex(Boolean) + 1]
}

// [top, bottom, left, right] of what lies inside a frame, or bars on two sides, of one colour.
function insideRim(colours) {
  const { width, height, data } = colours
  const four = corners(colours)
  const apart = [0, 1, 2].map((channel) => {
    const values = four.map((corner) => corner[channel])
    return Math.max(...values) - Math.min(...values)
  })
  if (Math.min(height, width) < RIM_MIN_SIDE || Math.max(...apart) > RIM_SAME) return null
  const rim = [0, 1, 2].map((channel) => median(four.map((corner) => corner[channel])))
  const off = new Float32Array(width * height)
  for (let i = 0; i < off.length; i++) off[i] = furthest(data, 3 * i, rim)
  const share = (count, over) => {
    let found = 0
    for (let n = 0; n < count; n++) found += over(n)
    return found / count
  }
  const rows = extent(
    Array.from({ length: height }, (_, y) => share(width, (x) => off[y * width + x] > RIM_SAME) > 0.005)
  )
  const columns = extent(
    Array.from({ length: width }, (_, x) => share(height, (y) => off[y * width + x] > RIM_SAME) > 0.005)
  )
  if (!rows || !columns) return null
  let [top, bottom] = rows, [left, right] = columns
  const framed = (top > 0 && bottom < height) || (left > 0 && right < width)
  if (!framed || bottom - top < Math.floor(height / 4) || right - left < Math.floor(width / 4))
    return null
  const across = (y) => share(right - left, (n) => off[y * width + left + n] > RIM_EDGE)
  const down = (x) => share(bottom - top, (n) => off[(top + n) * width + x] > RIM_EDGE)
  const edges = [
    [top, () => across(top + 1)],
    [height - bottom, () => across(bottom - 2)],
    [left, () => down(left + 1)],
    [width - right, () => down(right - 2)],
  ]
  if (edges.some(([rim, edge]) => rim && edge() < RIM_SHARP)) return null
  top += top > 0
  bottom -= bottom < height
  left += left > 0
  right -= right < width
  const inside = crop(colours, left, top, right, bottom)
  const same = share(inside.width * inside.height, (n) => {
    const y = top + Math.floor(n / inside.width), x = left + (n % inside.width)
    return off[y * width + x] <= RIM_SAME
  })
  if (same > RIM_INSIDE) return null
  const strongest = percentile(againstGround(inside).signed.map(Math.abs), 99)
  return strongest > RIM_CONTENT ? [top, bottom, left, right] : null
}
