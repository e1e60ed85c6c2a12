// A picture on which a box says which garment is meant. The box goes to Python as "x,y,width,height"
// in the picture's own pixels, or as "" for the whole picture; Python checks it.

const STEP = 0.04 // of a side, for the keyboard
const LEAST = 0.06 // of a side: a smaller box is a slip of the hand

const HELP =
  "Picture. Drag a box around the garment that you mean. With the keyboard: Enter starts a box, " +
  "arrow keys move it, Shift and arrow keys change its size, Escape shows the whole picture."

export default function ({ parentElement, setStateValue, data }) {
  const root = parentElement.querySelector(".framing")
  root.view ??= new Framing(root)
  translate(root, data.texts)
  root.view.show(data, (box) => setStateValue("box", box))
}

class Framing {
  constructor(root) {
    this.stage = root.querySelector(".stage")
    this.image = root.querySelector("img")
    this.frame = root.querySelector(".box")
    this.whole = root.querySelector("button")
    this.status = root.querySelector(".status")
    this.stage.setAttribute("aria-label", HELP)
    this.box = null // {x, y, w, h}, shares of the picture's sides
    this.drag = null // {from, kind, start}
    this.sent = null // what Python has not answered yet
    this.stage.onpointerdown = (event) => this.down(event)
    this.stage.onpointermove = (event) => this.move(event)
    this.stage.onpointerup = this.stage.onpointercancel = (event) => this.up(event)
    this.stage.onkeydown = (event) => this.key(event)
    this.whole.onclick = () => this.choose(null)
  }

  show({ picture, width, height, box }, send) {
    Object.assign(this, { width, height, send })
    if (this.image.src !== picture) this.image.src = picture
    if (this.sent !== null && this.sent !== box) return this.paint() // an answer to an older box
    this.sent = null
    this.last = box
    if (!this.drag) this.box = box ? this.shares(box) : null
    this.paint()
  }

  shares(text) {
    const [x, y, w, h] = text.split(",").map(Number)
    return { x: x / this.width, y: y / this.height, w: w / this.width, h: h / this.height }
  }

  pixels() {
    if (!this.box) return ""
    const { x, y, w, h } = this.box
    const across = [x, w].map((share) => Math.round(share * this.width))
    const down = [y, h].map((share) => Math.round(share * this.height))
    return [across[0], down[0], across[1], down[1]].join(",")
  }

  // --- pointer -------------------------------------------------------------------------------

  position(event) {
    const area = this.image.getBoundingClientRect()
    const share = (value) => Math.max(0, Math.min(1, value))
    return [
      share((event.clientX - area.left) / area.width),
      share((event.clientY - area.top) / area.height),
    ]
  }

  down(event) {
    if (!event.isPrimary || event.button > 0) return
    this.stage.setPointerCapture(event.pointerId)
    let kind = "new"
    if (event.target.classList.contains("corner")) kind = "size"
    else if (event.target === this.frame) kind = "move"
    this.drag = { kind, from: this.position(event), start: this.box && { ...this.box } }
  }

  move(event) {
    if (!this.drag || !event.isPrimary) return
    const [x, y] = this.position(event)
    const { kind, from, start } = this.drag
    if (kind === "new") {
      const left = Math.min(x, from[0]), top = Math.min(y, from[1])
      this.box = { x: left, y: top, w: Math.abs(x - from[0]), h: Math.abs(y - from[1]) }
    } else if (kind === "move") {
      this.box = inside({ ...start, x: start.x + x - from[0], y: start.y + y - from[1] })
    } else {
      this.box = { ...start, w: Math.max(LEAST, x - start.x), h: Math.max(LEAST, y - start.y) }
    }
    this.paint()
  }

  up(event) {
    if (!this.drag || !event.isPrimary) return
    const { kind, start } = this.drag
    this.drag = null
    const slip = !this.box || this.box.w < LEAST || this.box.h < LEAST
    if (kind === "new" && slip) this.box = start // a click changes nothing
    this.choose(this.box)
  }

  // --- keyboard ------------------------------------------------------------------------------

  key(event) {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }
    if (event.key === "Escape" && this.box) this.choose(null)
    else if (["Enter", " "].includes(event.key)) this.box ?? this.later(middle())
    else if (event.key in way) {
      const [across, down] = way[event.key].map((step) => step * STEP)
      const box = { ...(this.box ?? middle()) }
      if (event.shiftKey) {
        box.w = Math.max(LEAST, Math.min(1 - box.x, box.w + across))
        box.h = Math.max(LEAST, Math.min(1 - box.y, box.h + down))
      } else {
        box.x += across
        box.y += down
      }
      this.later(inside(box))
    } else return
    event.preventDefault()
  }

  later(box) {
    this.box = box
    this.paint()
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.choose(this.box), 120) // one answer for a held key
  }

  // -------------------------------------------------------------------------------------------

  choose(box) {
    clearTimeout(this.timer)
    this.box = box
    this.paint()
    const text = this.pixels()
    if (text === this.last) return
    this.sent = this.last = text
    this.send(text)
  }

  paint() {
    const { box, frame } = this
    frame.hidden = this.whole.hidden = !box
    this.status.textContent = box ? "" : tr("Drag a box around the garment that you mean.")
    if (!box) return
    const style = { left: box.x, top: box.y, width: box.w, height: box.h }
    for (const [name, share] of Object.entries(style)) frame.style[name] = `${100 * share}%`
  }
}

function middle() {
  return { x: 0.25, y: 0.25, w: 0.5, h: 0.5 }
}

function inside(box) {
  const x = Math.max(0, Math.min(1 - box.w, box.x))
  const y = Math.max(0, Math.min(1 - box.h, box.y))
  return { ...box, x, y }
}
