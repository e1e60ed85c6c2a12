// The drawing canvas. Strokes live here in canvas units (0 to 256) and go to Python as JSON text
// after each one; Python checks them and draws its own picture, so nothing here is trusted there.
// vggcore/strokes.py holds the same tools with the same meaning.

const SIDE = 256
const MAX_STROKES = 400
const MAX_POINTS = 20000
const SHORTCUTS = { b: "brush", e: "eraser", s: "shape", f: "fill" }

export default function ({ parentElement, setStateValue, data }) {
  const root = parentElement.querySelector(".canvas")
  root.view ??= new CanvasView(root, data)
  translate(root, data.texts)
  root.querySelector(".verdict").textContent = data.answer
  root.view.connect((strokes) => setStateValue("drawing", strokes))
  return () => root.view.disconnect()
}

class CanvasView {
  constructor(root, data) {
    this.root = root
    this.canvas = root.querySelector("canvas")
    this.layer = document.createElement("canvas") // finished strokes, so that a move is cheap
    this.templates = data.templates
    this.done = restored(data.drawing) // strokes, and {tool: "clear"}: so clearing can be undone
    this.undone = []
    this.live = null
    this.tool = "brush"
    this.cursor = null // for the keyboard: {x, y, down}
    this.listen()
    this.observer = new ResizeObserver(() => this.resize())
    this.observer.observe(this.canvas)
    this.buttons()
  }

  connect(send) {
    this.send = send
    this.resize() // also after a change of theme: ink takes the text's colour
  }

  disconnect() {
    this.observer.disconnect()
  }

  listen() {
    const { root, canvas } = this
    for (const button of root.querySelectorAll("[data-tool]"))
      button.onclick = () => this.choose(button.dataset.tool)
    for (const button of root.querySelectorAll("[data-action]"))
      button.onclick = () => this[button.dataset.action]()
    this.slider = root.querySelector("input")
    this.size = Number(this.slider.value)
    this.slider.oninput = () => (this.size = Number(this.slider.value))
    this.select = root.querySelector("select")
    this.select.add(new Option("no template", "none"))
    for (const name of Object.keys(this.templates)) this.select.add(new Option(name, name))
    this.select.onchange = () => this.changed(false)
    canvas.onpointerdown = (event) => this.down(event)
    canvas.onpointermove = (event) => this.move(event)
    canvas.onpointerup = canvas.onpointercancel = (event) => this.up(event)
    canvas.oncontextmenu = (event) => event.preventDefault()
    canvas.onblur = () => this.lift()
    root.onkeydown = (event) => this.key(event)
  }

  // --- pointer -------------------------------------------------------------------------------

  position(event) {
    const box = this.canvas.getBoundingClientRect()
    const unit = (value) => Math.round(Math.max(-SIDE, Math.min(2 * SIDE, value)) * 10) / 10
    return [
      unit(((event.clientX - box.left) / box.width) * SIDE),
      unit(((event.clientY - box.top) / box.height) * SIDE),
    ]
  }

  down(event) {
    if (!event.isPrimary || event.button > 0 && event.button !== 5) return // 5: a pen's eraser end
    if (this.full()) return
    this.lift()
    this.canvas.setPointerCapture(event.pointerId)
    const tool = event.button === 5 ? "eraser" : this.tool
    this.live = { tool, size: this.size, points: [this.position(event)] }
    if (tool === "fill") this.finish()
    else this.paint()
  }

  move(event) {
    if (!this.live || !event.isPrimary) return
    const events = event.getCoalescedEvents?.() ?? []
    for (const each of events.length ? events : [event]) this.extend(this.position(each))
    this.paint()
  }

  extend([x, y]) {
    const [lastX, lastY] = this.live.points.at(-1)
    if (Math.hypot(x - lastX, y - lastY) >= 1 && !this.full()) this.live.points.push([x, y])
  }

  up(event) {
    if (this.live && event.isPrimary) this.finish()
  }

  finish() {
    this.add(this.live)
    this.live = null
    this.paint()
  }

  full() {
    const live = this.live ? this.live.points.length : 0
    const points = this.strokes().reduce((sum, stroke) => sum + stroke.points.length, live)
    const full = points >= MAX_POINTS || this.strokes().length >= MAX_STROKES
    if (full) this.announce(tr("The canvas is full: undo or clear something."))
    return full
  }

  // --- keyboard ------------------------------------------------------------------------------

  key(event) {
    if (event.target === this.select || event.target === this.slider) return
    const key = event.key.toLowerCase()
    const command = event.ctrlKey || event.metaKey
    let handled = true
    if (command && (key === "y" || (key === "z" && event.shiftKey))) this.redo()
    else if (command && key === "z") this.undo()
    else if (command || event.altKey) handled = false
    else if (key in SHORTCUTS) this.choose(SHORTCUTS[key])
    else if (key === "[" || key === "]") this.resizeBrush(key === "[" ? -2 : 2)
    else if (key === "delete" || key === "backspace") this.clear()
    else if (event.target === this.canvas) handled = this.steer(key)
    else handled = false
    if (!handled) return
    event.preventDefault()
    event.stopPropagation() // Streamlit has shortcuts of its own
  }

  steer(key) {
    const steps = { arrowleft: [-1, 0], arrowright: [1, 0], arrowup: [0, -1], arrowdown: [0, 1] }
    this.cursor ??= { x: SIDE / 2, y: SIDE / 2 }
    if (key === " ") {
      if (this.live) this.lift()
      else if (!this.full()) {
        this.live = { tool: this.tool, size: this.size, points: [[this.cursor.x, this.cursor.y]] }
        if (this.tool === "fill") this.finish()
        else this.announce(tr("Pen down. Arrow keys draw, space lifts it."))
      }
    } else if (key in steps) {
      this.cursor.x = Math.max(0, Math.min(SIDE, this.cursor.x + 6 * steps[key][0]))
      this.cursor.y = Math.max(0, Math.min(SIDE, this.cursor.y + 6 * steps[key][1]))
      if (this.live) this.extend([this.cursor.x, this.cursor.y])
    } else return false
    this.paint()
    return true
  }

  lift() {
    if (!this.live) return
    this.finish()
    this.announce(tr("Pen up."))
  }

  resizeBrush(by) {
    this.slider.value = this.size + by // keeps within its limits
    this.size = Number(this.slider.value)
  }

  // --- actions -------------------------------------------------------------------------------

  choose(tool) {
    this.tool = tool
    this.buttons()
  }

  add(action) {
    this.done.push(action)
    this.undone = []
    this.changed()
  }

  undo() {
    if (this.done.length) this.undone.push(this.done.pop())
    this.changed()
  }

  redo() {
    if (this.undone.length) this.done.push(this.undone.pop())
    this.changed()
  }

  clear() {
    if (this.strokes().length) this.add({ tool: "clear" })
  }

  ink() {
    for (const points of this.templates[this.select.value] ?? [])
      this.done.push({ tool: "brush", size: this.size, points })
    this.undone = []
    this.changed()
  }

  strokes() {
    return this.done.slice(this.done.findLastIndex((action) => action.tool === "clear") + 1)
  }

  changed(send = true) {
    this.redraw()
    this.buttons()
    const strokes = this.strokes()
    const count = strokes.length === 1 ? tr("1 stroke") : tr("{n} strokes", { n: strokes.length })
    const label = strokes.length ? tr("Drawing, {count}", { count }) : tr("Empty canvas")
    this.canvas.setAttribute("aria-label", label)
    if (!send) return
    this.announce(strokes.length ? count : tr("Empty"))
    this.send(JSON.stringify({ canvas: SIDE, strokes }))
  }

  buttons() {
    for (const button of this.root.querySelectorAll("[data-tool]"))
      button.setAttribute("aria-pressed", button.dataset.tool === this.tool)
    const action = (name) => this.root.querySelector(`[data-action=${name}]`)
    action("undo").disabled = !this.done.length
    action("redo").disabled = !this.undone.length
    action("clear").disabled = !this.strokes().length
    action("ink").disabled = !(this.select.value in this.templates)
  }

  announce(text) {
    this.root.querySelector(".status").textContent = text
  }

  // --- drawing -------------------------------------------------------------------------------

  resize() {
    const side = Math.round(this.canvas.clientWidth * Math.min(2, window.devicePixelRatio || 1))
    if (!side) return
    if (this.canvas.width !== side) this.canvas.width = this.canvas.height = side
    this.redraw()
  }

  redraw() {
    this.layer.width = this.layer.height = this.canvas.width
    const pen = this.pen(this.layer)
    for (const stroke of this.strokes()) draw(pen, stroke)
    this.paint()
  }

  pen(canvas) {
    const pen = canvas.getContext("2d", { willReadFrequently: canvas === this.layer })
    pen.setTransform(canvas.width / SIDE, 0, 0, canvas.width / SIDE, 0, 0)
    pen.lineCap = pen.lineJoin = "round"
    pen.strokeStyle = pen.fillStyle = getComputedStyle(this.root).color
    return pen
  }

  paint() {
    const pen = this.pen(this.canvas)
    pen.clearRect(0, 0, SIDE, SIDE)
    pen.drawImage(this.layer, 0, 0, SIDE, SIDE)
    if (this.live) draw(pen, this.live)
    pen.globalAlpha = 0.3
    pen.lineWidth = 2
    for (const points of this.templates[this.select.value] ?? []) trace(pen, points)
    pen.globalAlpha = 1
    if (!this.cursor || !this.canvas.matches(":focus-visible")) return
    const { x, y } = this.cursor
    trace(pen, [[x - 6, y], [x + 6, y]])
    trace(pen, [[x, y - 6], [x, y + 6]])
  }
}

function restored(drawing) {
  try {
    return JSON.parse(drawing).strokes ?? []
  } catch {
    return []
  }
}

function trace(pen, points) {
  pen.beginPath()
  for (const [x, y] of points) pen.lineTo(x, y)
  pen.stroke()
}

function draw(pen, { tool, size, points }) {
  if (tool === "fill") return flood(pen, points[0])
  pen.globalCompositeOperation = tool === "eraser" ? "destination-out" : "source-over"
  pen.lineWidth = size
  const path = tool === "shape" ? [...points, points[0]] : points
  trace(pen, path.length > 1 ? path : [path[0], path[0]]) // a dot, for a click
  if (tool === "shape") {
    pen.beginPath()
    for (const [x, y] of points) pen.lineTo(x, y)
    pen.fill()
  }
  pen.globalCompositeOperation = "source-over"
}

// Inks the free area around a point, row by row, and a rim of one pixel against a seam.
function flood(pen, [startX, startY]) {
  const side = pen.canvas.width
  const image = pen.getImageData(0, 0, side, side)
  const free = (i) => image.data[4 * i + 3] < 128
  const reached = new Uint8Array(side * side)
  const at = (value) => Math.floor((value / SIDE) * side)
  const [x, y] = [at(startX), at(startY)]
  if (x < 0 || y < 0 || x >= side || y >= side || !free(y * side + x)) return
  const stack = [y * side + x]
  while (stack.length) {
    const i = stack.pop()
    if (reached[i] || !free(i)) continue
    const row = i - (i % side)
    let [left, right] = [i, i]
    while (left > row && free(left - 1)) left--
    while (right < row + side - 1 && free(right + 1)) right++
    for (let j = left; j <= right; j++) {
      reached[j] = 1
      if (row > 0 && !reached[j - side]) stack.push(j - side)
      if (row < side * (side - 1) && !reached[j + side]) stack.push(j + side)
    }
  }
  pen.save()
  pen.setTransform(1, 0, 0, 1, 0, 0)
  for (let row = 0; row < side; row++)
    for (let left = 0; left < side; left++) {
      let right = left
      while (right < side && reached[row * side + right]) right++
      if (right > left) pen.fillRect(left - 1, row - 1, right - left + 2, 3)
      left = right
    }
  pen.restore()
}
