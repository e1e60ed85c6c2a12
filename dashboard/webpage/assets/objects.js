// Separate things in a picture: `vggcore/pictures/objects.py`, which explains and gives the reasons
// for the numbers, in JavaScript. Parts are [top, bottom, left, right]; boxes [left, top, width,
// height].

const LEAST_SIDE = 12

// {main: box or null, several: [box, …]}
function findThings(whole) {
  const nothing = { main: null, several: [] }
  const shortest = Math.min(whole.width, whole.height)
  if (shortest < 128) return nothing
  const shrunk = Math.min(1, 144 / shortest, 288 / Math.max(whole.width, whole.height))
  const width = Math.max(1, round(whole.width * shrunk))
  const height = Math.max(1, round(whole.height * shrunk))
  const from = shrunk < 0.5 ? reduce(whole, Math.trunc(1 / shrunk)) : whole
  const small = resize(from, width, height, "box")
  const scale = [whole.width / width, whole.height / height]
  const halves = halvesOf(small)
  if (halves.length) return { main: null, several: halves.map((half) => boxOf(half, scale)) }
  const found = againstGround(small)
  if (found.spread > 6 || !found.mask.includes(1)) return nothing
  const mask = { width, height, data: found.mask }
  const card = cardOf(small, mask)
  if (card) return { main: boxOf(card, scale), several: [] }
  const gap = Math.max(2, round(0.05 * Math.min(width, height)))
  const parts = apart(mask, gap).filter((part) => areaOf(part) >= 0.002 * mask.data.length)
  const large = parts.filter((part) => mayBeMeant(part, mask))
  if (!large.length || parts.length === 1) return nothing
  const largest = Math.max(...large.map(areaOf))
  const room = Math.floor(gap / 2)
  const boxes = large
    .filter((part) => areaOf(part) >= 0.3 * largest)
    .map(([top, bottom, left, right]) =>
      boxOf(
        [Math.max(0, top - room), Math.min(height, bottom + room),
          Math.max(0, left - room), Math.min(width, right + room)],
        scale
      )
    )
  if (boxes.some(([, , w, h]) => Math.min(w, h) < LEAST_SIDE) || boxes.length > 4) return nothing
  return boxes.length === 1 ? { main: boxes[0], several: [] } : { main: null, several: boxes }
}

// The mask, cut wherever `gap` empty rows or columns run through a part of it.
function apart({ width, height, data }, gap) {
  const parts = [[0, height, 0, width]]
  const found = []
  while (parts.length) {
    const [top, bottom, left, right] = parts.pop()
    const rows = new Uint8Array(bottom - top), columns = new Uint8Array(right - left)
    for (let y = top; y < bottom; y++)
      for (let x = left; x < right; x++)
        if (data[y * width + x]) rows[y - top] = columns[x - left] = 1
    const down = runsOf(rows, gap), across = runsOf(columns, gap)
    if (!down.length || !across.length) continue
    const cut = down.flatMap(([y0, y1]) =>
      across.map(([x0, x1]) => [top + y0, top + y1, left + x0, left + x1])
    )
    if (cut.length === 1) found.push(cut[0])
    else parts.push(...cut.reverse())
  }
  const line = (part) => Math.floor(part[0] / 8)
  return found.sort((a, b) => line(a) - line(b) || a[2] - b[2])
}

// Start and end of each filled run; gaps of fewer than `gap` empty places do not split it.
function runsOf(filled, gap) {
  const runs = []
  filled.forEach((value, place) => {
    if (!value) return
    if (runs.length && place - runs.at(-1)[1] < gap) runs.at(-1)[1] = place + 1
    else runs.push([place, place + 1])
  })
  return runs
}

// Both halves of a collage: they differ along nearly all of a straight line between them.
function halvesOf({ width, height, data }) {
  const differ = (a, b) =>
    Math.abs(data[a] - data[b]) > 18 ||
    Math.abs(data[a + 1] - data[b + 1]) > 18 ||
    Math.abs(data[a + 2] - data[b + 2]) > 18
  for (const across of [true, false]) {
    const side = across ? width : height, length = across ? height : width
    const low = round(0.4 * side), high = round(0.6 * side)
    let best = -1, at = low
    for (let place = low; place < Math.min(high, side - 2); place++) {
      let found = 0
      for (let n = 0; n < length; n++) {
        const a = across ? n * width + place : place * width + n
        found += differ(3 * a, 3 * (across ? a + 2 : a + 2 * width))
      }
      if (found / length > best) [best, at] = [found / length, place]
    }
    if (best >= 0.9) {
      const cut = at + 1
      return across
        ? [[0, height, 0, cut], [0, height, cut + 1, width]]
        : [[0, cut, 0, width], [cut + 1, height, 0, width]]
    }
  }
  return []
}

// A photo on a page, or an image inside a plot's axes: it has a picture's straight edges.
function cardOf(colours, mask) {
  const parts = apart(mask, 1)
  if (parts.length < 2) return null
  const whole = parts.reduce((a, b) => (areaOf(b) > areaOf(a) ? b : a))
  if (areaOf(whole) < 0.06 * mask.data.length) return null
  const part = withoutTicks(mask, whole)
  const [top, bottom, left, right] = part
  if (Math.min(bottom - top, right - left) < 8) return null
  const cutOff = Math.max(...part.map((edge, n) => Math.abs(edge - whole[n])))
  if (cutOff > 0.06 * Math.max(whole[1] - whole[0], whole[3] - whole[2])) return null
  const there = (y, x) => mask.data[y * mask.width + x]
  const across = (y) => shareOf(right - left, (n) => there(y, left + n))
  const down = (x) => shareOf(bottom - top, (n) => there(top + n, x))
  const edges = [across(top + 1), across(bottom - 2), down(left + 1), down(right - 2)]
  const filled = there(top + 1, left + 1) + there(top + 1, right - 2) +
    there(bottom - 2, left + 1) + there(bottom - 2, right - 2)
  if (Math.min(...edges) < 0.6 || filled < 3) return null
  const inside = againstGround(crop(colours, left, top, right, bottom))
  return percentile(inside.signed.map(Math.abs), 99) > 40 ? part : null
}

function shareOf(count, value) {
  let sum = 0
  for (let n = 0; n < count; n++) sum += value(n)
  return sum / count
}

// The part without lines at its edges that are mostly background, such as an axis's ticks.
function withoutTicks(mask, [top, bottom, left, right]) {
  const there = (y, x) => mask.data[y * mask.width + x]
  const full = (length, line) => extent(Array.from({ length }, (_, n) => line(n) > 0.5))
  const rows = full(bottom - top, (y) => shareOf(right - left, (n) => there(top + y, left + n)))
  const columns = full(right - left, (x) => shareOf(bottom - top, (n) => there(top + n, left + x)))
  if (!rows || !columns) return [top, bottom, left, right]
  return [top + rows[0], top + rows[1], left + columns[0], left + columns[1]]
}

// Whether a part has the size and shape of a garment, not of text, a button or a rule.
function mayBeMeant(part, mask) {
  const [top, bottom, left, right] = part
  const height = bottom - top, width = right - left
  if (Math.max(height, width) > 5 * Math.min(height, width)) return false
  if (areaOf(part) < 0.02 * mask.data.length) return false
  const data = new Uint8Array(width * height)
  for (let y = 0; y < height; y++)
    data.set(mask.data.subarray((top + y) * mask.width + left, (top + y) * mask.width + right), y * width)
  return Math.max(...apart({ width, height, data }, 2).map(areaOf)) >= 0.5 * areaOf(part)
}

function areaOf([top, bottom, left, right]) {
  return (bottom - top) * (right - left)
}

function boxOf([top, bottom, left, right], [across, down]) {
  const x = round(left * across), y = round(top * down)
  return [x, y, round(right * across) - x, round(bottom * down) - y]
}
