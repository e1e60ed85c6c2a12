// Drawings: `render` of `vggcore/pictures/strokes.py` in JavaScript. Lines, discs and areas cover
// the same pixels as Pillow's, so that a drawing is the same picture here and there.

const CANVAS = 256, DRAWN_SIDE = 512 // canvas units; pixels, before they are averaged 2×2
const UNIT = DRAWN_SIDE / CANVAS
const PAPER = 255, INK = 0

// Dark ink on white paper: one channel, 256×256.
function render(strokes) {
  const paper = picture(DRAWN_SIDE, DRAWN_SIDE, 1)
  paper.data.fill(PAPER)
  for (const stroke of strokes) if (stroke.points.length) drawStroke(paper, stroke)
  return reduce(paper, 2)
}

function drawStroke(paper, stroke) {
  let points = stroke.points.map(([x, y]) => [x * UNIT, y * UNIT])
  if (stroke.tool === "fill") return floodPaper(paper, points[0])
  if (stroke.tool === "shape" && points.length > 2) {
    fillPolygon(paper, points.map(whole), INK)
    points = [...points, points[0]]
  }
  const ink = stroke.tool === "eraser" ? PAPER : INK
  const width = Math.max(1, round(Math.max(1, Math.min(64, stroke.size)) * UNIT))
  for (let i = 1; i < points.length; i++) wideLine(paper, whole(points[i - 1]), whole(points[i]), width, ink)
  for (const [x, y] of points)
    disc(paper, whole([x - width / 2, y - width / 2]), whole([x + width / 2, y + width / 2]), ink)
}

function whole(point) {
  return point.map(Math.trunc)
}

// To the nearest whole number; of two, away from or towards 0.
function up(value) {
  return Math.sign(value) * Math.floor(Math.abs(value) + 0.5)
}

function down(value) {
  return Math.sign(value) * Math.ceil(Math.abs(value) - 0.5)
}

function rowOf({ width, height, data }, y, from, to, ink) {
  if (y < 0 || y >= height || to < 0 || from >= width || from > to) return
  data.fill(ink, y * width + Math.max(0, from), y * width + Math.min(width - 1, to) + 1)
}

// A line as the rectangle around it.
function wideLine(paper, [x0, y0], [x1, y1], width, ink) {
  const dx = x1 - x0, dy = y1 - y0
  if (!dx && !dy) return rowOf(paper, y0, x0, x0, ink)
  const length = Math.hypot(dx, dy), half = (width - 1) / 2
  const more = up(half) / length, less = down(half) / length
  const [across, acrossMore] = [down(less * dy), down(more * dy)]
  const [along, alongMore] = [down(less * dx), down(more * dx)]
  const corners = [
    [x0 - across, y0 + alongMore],
    [x1 - across, y1 + alongMore],
    [x1 + acrossMore, y1 - along],
    [x0 + acrossMore, y0 - along],
  ]
  fillPolygon(paper, corners, ink)
}

// Row by row between the edges that cross it.
function fillPolygon(paper, corners, ink) {
  const edges = []
  let top = paper.height - 1, bottom = 0
  corners.forEach(([x0, y0], place) => {
    const [x1, y1] = corners[(place + 1) % corners.length]
    if (y0 === y1) return rowOf(paper, y0, Math.min(x0, x1), Math.max(x0, x1), ink)
    edges.push({ x0, y0, slope: Math.fround((x1 - x0) / (y1 - y0)), low: Math.min(y0, y1), high: Math.max(y0, y1) })
    top = Math.min(top, y0, y1)
    bottom = Math.max(bottom, y0, y1)
  })
  top = Math.max(0, top)
  bottom = Math.min(bottom, paper.height)
  for (let y = top; y <= bottom; y++) {
    const crossings = []
    for (const { x0, y0, slope, low, high } of edges) {
      if (y < low || y > high) continue
      const x = Math.fround(Math.fround((y - y0) * slope) + x0)
      crossings.push(x)
      if (y === high && y < bottom) crossings.push(x)
    }
    crossings.sort((a, b) => a - b)
    for (let i = 1; i < crossings.length; i += 2) rowOf(paper, y, up(crossings[i - 1]), down(crossings[i]), ink)
  }
}

// A filled ellipse in a box: a walk along a quarter of its edge, in half pixels from its centre,
// that always takes the step which stays closest to it.
function disc(paper, [left, top], [right, bottom], ink) {
  const a = right - left, b = bottom - top
  if (a < 0 || b < 0) return
  const off = (x, y) => Math.abs(a * a * y * y + b * b * x * x - a * a * b * b)
  let x = a, y = b % 2
  for (let row = -1; ; ) {
    if (y !== row) {
      row = y
      for (const side of [-1, 1])
        rowOf(paper, top + (b + side * y) / 2, left + (a - x) / 2, left + (a + x) / 2, ink)
    }
    if (x === a % 2 && y === b) return
    let next = [x, y + 2]
    for (const other of x > 1 ? [[x - 2, y + 2], [x - 2, y]] : [])
      if (off(...next) > off(...other)) next = other
    ;[x, y] = next
  }
}

// Inks the free area around a point, and a rim of one pixel so that no seam is left.
function floodPaper(paper, start) {
  const side = DRAWN_SIDE
  const free = Uint8Array.from(paper.data, (value) => value > 127)
  const [x, y] = whole(start)
  if (x < 0 || y < 0 || x >= side || y >= side || !free[y * side + x]) return
  const reached = new Uint8Array(side * side)
  const waiting = [y * side + x]
  while (waiting.length) {
    const at = waiting.pop()
    if (reached[at]) continue
    reached[at] = 1
    if (at % side && free[at - 1]) waiting.push(at - 1)
    if (at % side < side - 1 && free[at + 1]) waiting.push(at + 1)
    if (at >= side && free[at - side]) waiting.push(at - side)
    if (at < side * (side - 1) && free[at + side]) waiting.push(at + side)
  }
  for (let row = 0, at = 0; row < side; row++)
    for (let column = 0; column < side; column++, at++) {
      if (!reached[at]) continue
      // The rim goes on at the opposite edge, as in Python.
      const left = (column + side - 1) % side, right = (column + 1) % side
      const above = (row + side - 1) % side, below = (row + 1) % side
      for (const place of [at, row * side + left, row * side + right, above * side + column, below * side + column])
        paper.data[place] = INK
    }
}
