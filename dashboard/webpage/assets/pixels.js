// Pictures as {width, height, channels, data}: bytes, row by row. Scaling, cutting and rounding
// give the same bytes as Pillow and Python, which the network was trained with.

function picture(width, height, channels, data) {
  return { width, height, channels, data: data ?? new Uint8Array(width * height * channels) }
}

// Halves go to the even neighbour, as Python rounds.
function round(value) {
  const low = Math.floor(value)
  const rest = value - low
  if (rest !== 0.5) return rest < 0.5 ? low : low + 1
  return low % 2 === 0 ? low : low + 1
}

// The part from (left, top) to (right, bottom), rounded; black beyond the picture's edges.
function crop(from, left, top, right, bottom) {
  ;[left, top, right, bottom] = [left, top, right, bottom].map(round)
  const part = picture(right - left, bottom - top, from.channels)
  for (let row = Math.max(0, -top); row < Math.min(part.height, from.height - top); row++) {
    const x0 = Math.max(0, left), x1 = Math.min(right, from.width)
    const start = (row + top) * from.width
    const line = from.data.subarray((start + x0) * from.channels, (start + x1) * from.channels)
    part.data.set(line, (row * part.width + x0 - left) * from.channels)
  }
  return part
}

const FILTERS = {
  box: { reach: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { reach: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
}
const BITS = 22 // of the fractions with which Pillow multiplies bytes

// Which pixels make up each of `size` new ones, out of those from `low` to `high`, and with which
// weights.
function shares(length, low, high, size, { reach, weight }) {
  const scale = (high - low) / size
  const wide = Math.max(scale, 1)
  const all = []
  for (let to = 0; to < size; to++) {
    const centre = low + (to + 0.5) * scale
    const first = Math.max(0, Math.trunc(centre - reach * wide + 0.5))
    const last = Math.min(length, Math.trunc(centre + reach * wide + 0.5))
    const weights = []
    for (let at = first; at < last; at++) weights.push(weight((at - centre + 0.5) / wide))
    const sum = weights.reduce((a, b) => a + b, 0)
    all.push({ first, weights: weights.map((w) => Math.trunc((w / sum) * 2 ** BITS + 0.5)) })
  }
  return all
}

function mixed(sum) {
  return Math.max(0, Math.min(255, (sum + 2 ** (BITS - 1)) >> BITS))
}

// Resampled to width×height; first across, then down, as Pillow does. box: [left, top, right,
// bottom] of the part to take.
function resize(from, width, height, kind, box) {
  const [left, top, right, bottom] = box ?? [0, 0, from.width, from.height]
  const { channels } = from
  let now = from
  if (width !== from.width || left !== 0 || right !== width) {
    const next = picture(width, from.height, channels)
    const columns = shares(from.width, left, right, width, FILTERS[kind])
    for (let row = 0, to = 0; row < from.height; row++)
      for (const { first, weights } of columns)
        for (let channel = 0; channel < channels; channel++) {
          let sum = 0
          let at = (row * from.width + first) * channels + channel
          for (let i = 0; i < weights.length; i++, at += channels) sum += from.data[at] * weights[i]
          next.data[to++] = mixed(sum)
        }
    now = next
  }
  if (height !== from.height || top !== 0 || bottom !== height) {
    const next = picture(width, height, channels)
    const line = width * channels
    const rows = shares(from.height, top, bottom, height, FILTERS[kind])
    rows.forEach(({ first, weights }, row) => {
      for (let column = 0; column < line; column++) {
        let sum = 0
        for (let i = 0; i < weights.length; i++)
          sum += now.data[(first + i) * line + column] * weights[i]
        next.data[row * line + column] = mixed(sum)
      }
    })
    now = next
  }
  return now === from ? { ...from, data: from.data.slice() } : now
}

// Each across×down pixels averaged into one; what is left over at the edges gives smaller groups.
function reduce(from, across, down = across) {
  const { channels } = from
  const small = picture(Math.ceil(from.width / across), Math.ceil(from.height / down), channels)
  let to = 0
  for (let row = 0; row < small.height; row++)
    for (let column = 0; column < small.width; column++) {
      const x0 = column * across, x1 = Math.min(from.width, x0 + across)
      const y0 = row * down, y1 = Math.min(from.height, y0 + down)
      const count = (x1 - x0) * (y1 - y0)
      // Pillow multiplies with a whole number instead of dividing.
      const factor = Math.floor(2 ** 32 / (256 * count))
      for (let channel = 0; channel < channels; channel++) {
        let sum = count >> 1
        for (let y = y0; y < y1; y++)
          for (let x = x0; x < x1; x++) sum += from.data[(y * from.width + x) * channels + channel]
        small.data[to++] = Math.floor((sum * factor) / 2 ** 24)
      }
    }
  return small
}

// At most `side` pixels wide and high, as `Image.thumbnail` makes it with the box filter.
function thumbnail(from, side) {
  if (Math.max(from.width, from.height) <= side) return from
  const aspect = from.width / from.height
  // The length that gives the aspect most exactly.
  const closest = (length, error) => {
    const low = Math.max(1, Math.floor(length)), high = Math.max(1, Math.ceil(length))
    return error(low) <= error(high) ? low : high
  }
  let width = side, height = side
  if (aspect >= 1) height = closest(side / aspect, (n) => Math.abs(aspect - side / n))
  else width = closest(side * aspect, (n) => (n ? Math.abs(aspect - n / side) : 0))
  const across = Math.trunc(from.width / width) || 1, down = Math.trunc(from.height / height) || 1
  const box = [0, 0, from.width / across, from.height / down]
  const small = across > 1 || down > 1 ? reduce(from, across, down) : from
  return resize(small, width, height, "box", box)
}

// Grey, by ITU-R 601, as Pillow's mode "L".
function grey(from) {
  const result = picture(from.width, from.height, 1)
  for (let i = 0, at = 0; i < result.data.length; i++, at += 3)
    result.data[i] =
      (from.data[at] * 19595 + from.data[at + 1] * 38470 + from.data[at + 2] * 7471 + 0x8000) >> 16
  return result
}

// Three channels from one.
function coloured(from) {
  if (from.channels === 3) return from
  const data = new Uint8Array(from.data.length * 3)
  for (let i = 0, at = 0; at < data.length; i++, at += 3)
    data[at] = data[at + 1] = data[at + 2] = from.data[i]
  return picture(from.width, from.height, 3, data)
}

// Red, green and blue from four channels: transparent parts become white, or black if the visible
// ones are nearly white.
function opaque({ width, height, data }) {
  const result = picture(width, height, 3)
  let light = 0, visible = 0
  for (let at = 0; at < data.length; at += 4) {
    const luma = (data[at] * 19595 + data[at + 1] * 38470 + data[at + 2] * 7471 + 0x8000) >> 16
    light += luma * data[at + 3]
    visible += data[at + 3]
  }
  const background = light / Math.max(visible, 1) > 215 ? 0 : 255
  for (let at = 0, to = 0; at < data.length; at += 4)
    for (let channel = 0; channel < 3; channel++)
      result.data[to++] =
        data[at + 3] === 255
          ? data[at + channel]
          : Math.round((data[at + channel] * data[at + 3] + background * (255 - data[at + 3])) / 255)
  return result
}

// Turned to the left by so many quarter turns.
function turned(from, quarters) {
  if (quarters % 4 === 0) return from
  const { width, height, channels, data } = from
  const result = quarters % 2 ? picture(height, width, channels) : picture(width, height, channels)
  let to = 0
  for (let y = 0; y < result.height; y++)
    for (let x = 0; x < result.width; x++) {
      let from_x = width - 1 - x, from_y = height - 1 - y
      if (quarters % 4 === 1) [from_x, from_y] = [width - 1 - y, x]
      else if (quarters % 4 === 3) [from_x, from_y] = [y, height - 1 - x]
      const at = (from_y * width + from_x) * channels
      for (let channel = 0; channel < channels; channel++) result.data[to++] = data[at + channel]
    }
  return result
}
