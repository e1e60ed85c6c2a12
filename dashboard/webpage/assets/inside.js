// The inside of a network: its layers, their maps, and how each number is computed.
//
//   const view = new InsideView(root, ask)   // ask({step, channel, row, column}) → Promise
//   view.show(answer, card)                  // after each answer

const MOSAIC = 9 // maps in a layer's small picture: its most active
const LISTED = 6 // channels whose windows are shown; the rest is summed up
const BIG = 320 // pixels of the enlarged map, at most

function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(properties))
    if (name in made && name !== "role") made[name] = value
    else made.setAttribute(name, value)
  made.append(...children)
  return made
}

function digits(value) {
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value)
  const size = Math.abs(value)
  const text = size >= 100 ? value.toFixed(1) : size >= 0.01 ? value.toFixed(3) : value.toPrecision(2)
  return text.replace("-", "−")
}

class InsideView {
  constructor(root, ask) {
    this.ask = ask
    this.step = 1
    this.channel = null
    this.cell = null
    this.strip = element("div", { className: "layers", role: "group" })
    this.about = element("p", { className: "about" })
    this.maps = element("div", { className: "maps", role: "group" })
    this.enlarged = element("canvas", { tabIndex: 0, role: "img" })
    this.detail = element("div", { className: "detail", tabIndex: 0, role: "region" })
    this.big = element("div", { className: "big" }, this.enlarged, this.detail)
    this.softmax = element("div", { className: "softmax" })
    root.replaceChildren(this.strip, this.about, this.maps, this.big, this.softmax)
    this.maps.onkeydown = (event) => this.steerMaps(event)
    this.enlarged.onpointermove = this.enlarged.onpointerdown = (event) => this.point(event)
    this.enlarged.onkeydown = (event) => this.steerCell(event)
  }

  show(answer, card) {
    this.answer = answer
    this.card = card
    this.steps = answer.steps
    this.step = Math.min(this.step, this.steps.length - 1)
    this.draw()
  }

  // After a change of language too.
  draw() {
    if (!this.answer) return
    this.drawStrip()
    this.drawMaps()
    this.drawSoftmax()
  }

  title(step) {
    const { layer } = step
    const kinds = {
      input: () => tr("What it gets"),
      conv: () => tr("Block {number}, convolution {which}", { number: layer.block, which: layer.name.slice(-1) }),
      pool: () => tr("Block {number}, max-pool", { number: layer.block }),
      lrn: () => tr("Block {number}, local response norm", { number: layer.block }),
      average: () => tr("Mean of each map"),
      linear: () => (layer.relu ? tr("Linear layer with ReLU") : tr("Linear layer: one number a class")),
    }
    return kinds[layer.kind]()
  }

  size({ channels, side }) {
    return side === 1 ? tr("{n} numbers", { n: channels }) : tr("{n} maps, {side}×{side}", { n: channels, side })
  }

  // --- the layers ----------------------------------------------------------------------------

  drawStrip() {
    this.strip.setAttribute("aria-label", tr("Layers"))
    if (this.strip.children.length !== this.steps.length)
      this.strip.replaceChildren(
        ...this.steps.map((_, place) => {
          const name = element("span"), size = element("small")
          const button = element("button", { type: "button" }, element("canvas", { "aria-hidden": true }), name, size)
          button.onclick = () => this.choose(place)
          return button
        })
      )
    this.steps.forEach((step, place) => {
      const button = this.strip.children[place]
      const [canvas, name, size] = button.children
      button.dataset.kind = step.layer.kind
      button.setAttribute("aria-pressed", place === this.step)
      name.textContent = this.title(step)
      size.textContent = this.size(step)
      paintMosaic(canvas, step)
    })
  }

  choose(place) {
    this.step = place
    this.channel = this.cell = null
    this.draw()
  }

  // --- the maps of one layer -------------------------------------------------------------------

  drawMaps() {
    const step = this.steps[this.step]
    this.about.textContent = this.explained(step)
    this.maps.setAttribute("aria-label", this.title(step))
    if (this.channel === null || this.channel >= step.channels) this.channel = mostActive(step, 1)[0]
    const side = step.side
    if (this.maps.dataset.shape !== `${step.channels},${side},${this.step}`) {
      this.maps.dataset.shape = `${step.channels},${side},${this.step}`
      this.maps.classList.toggle("numbers", side === 1)
      this.maps.replaceChildren(
        ...Array.from({ length: step.channels }, (_, channel) => {
          const button = element("button", { type: "button" })
          if (side > 1) button.append(element("canvas", { width: side, height: side, "aria-hidden": true }))
          button.onclick = () => this.enlarge(channel)
          return button
        })
      )
    }
    const range = rangeOf(step.map)
    for (let channel = 0; channel < step.channels; channel++) {
      const button = this.maps.children[channel]
      const name = this.mapName(step, channel)
      button.tabIndex = channel === this.channel ? 0 : -1
      button.setAttribute("aria-pressed", channel === this.channel)
      if (side > 1) {
        button.setAttribute("aria-label", name)
        button.title = name
        paint(button.firstChild, step, channel, range)
      } else button.textContent = `${name} ${digits(step.map[channel])}`
    }
    this.drawBig()
  }

  mapName(step, channel) {
    if (step.layer.kind === "input" && step.side > 1)
      return (step.channels > 2 ? [tr("red"), tr("green"), tr("blue"), tr("outline")] : [tr("grey")])[channel]
    if (step.layer.kind === "linear" && !step.layer.relu) return className(this.card, channel)
    return tr("map {n}", { n: channel + 1 })
  }

  explained(step) {
    const texts = {
      input: () => tr("The prepared picture, as numbers: each channel minus its mean, divided by its spread."),
      conv: () =>
        tr("Each cell of a map is a weighted sum of the 3×3 cells below it in all maps of the layer before, plus a bias. ReLU then makes what is negative 0."),
      pool: () => tr("Of each 2×2 cells only the largest is kept: the maps have half the side."),
      lrn: () => tr("Each cell is damped by its neighbours in the maps beside it."),
      average: () => tr("Of each map only its mean is left."),
      linear: () => tr("Each number is a weighted sum of all numbers before it, plus a bias."),
    }
    return texts[step.layer.kind]()
  }

  steerMaps(event) {
    const ways = { ArrowLeft: -1, ArrowRight: 1, Home: -1e6, End: 1e6 }
    if (!(event.key in ways)) return
    event.preventDefault()
    const most = this.steps[this.step].channels - 1
    this.enlarge(Math.max(0, Math.min(most, this.channel + ways[event.key])))
    this.maps.children[this.channel].focus()
  }

  enlarge(channel) {
    this.channel = channel
    this.drawMaps()
  }

  // --- one map, and one of its cells -----------------------------------------------------------

  drawBig() {
    const step = this.steps[this.step]
    const { side } = step
    this.enlarged.hidden = side === 1
    this.cell ??= brightest(step, this.channel)
    this.cell = this.cell.map((place) => Math.min(place, side - 1))
    if (side > 1) {
      const scale = Math.max(1, Math.floor(BIG / side))
      const canvas = this.enlarged
      canvas.width = canvas.height = side * scale
      const pen = canvas.getContext("2d")
      const small = element("canvas", { width: side, height: side })
      paint(small, step, this.channel, rangeOf(channelOf(step, this.channel)))
      pen.imageSmoothingEnabled = false
      pen.drawImage(small, 0, 0, canvas.width, canvas.height)
      pen.strokeStyle = "#ff7a1a"
      pen.lineWidth = 2
      const [row, column] = this.cell
      pen.strokeRect(column * scale - 1, row * scale - 1, scale + 2, scale + 2)
      canvas.setAttribute(
        "aria-label",
        tr("{map}, enlarged. Point at a cell, or move with the arrow keys.", { map: this.mapName(step, this.channel) })
      )
    }
    this.inspect()
  }

  point(event) {
    const box = this.enlarged.getBoundingClientRect()
    const { side } = this.steps[this.step]
    const place = (value, start, length) => Math.max(0, Math.min(side - 1, Math.floor(((value - start) / length) * side)))
    this.moveTo([place(event.clientY, box.top, box.height), place(event.clientX, box.left, box.width)])
  }

  steerCell(event) {
    const ways = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }
    if (!(event.key in ways)) return
    event.preventDefault()
    const most = this.steps[this.step].side - 1
    this.moveTo(this.cell.map((value, n) => Math.max(0, Math.min(most, value + ways[event.key][n]))))
  }

  moveTo(cell) {
    if (this.cell && cell[0] === this.cell[0] && cell[1] === this.cell[1]) return
    this.cell = cell
    this.drawBig()
  }

  async inspect() {
    const step = this.steps[this.step]
    const [row, column] = this.cell
    if (step.layer.kind === "input") {
      const value = step.map[(this.channel * step.side + row) * step.side + column]
      return this.explain(step, [this.where(step, row, column), " = ", number(value)])
    }
    const answer = this.answer
    const found = await this.ask({ step: this.step, channel: this.channel, row, column })
    if (answer !== this.answer || step !== this.steps[this.step]) return // something newer is shown
    this.explain(step, ...this[`of_${step.layer.kind}`](found, step, row, column))
  }

  where(step, row, column) {
    const map = this.mapName(step, this.channel)
    return step.side === 1 ? map : tr("{map}, row {row}, column {column}", { map, row: row + 1, column: column + 1 })
  }

  explain(step, ...lines) {
    this.detail.setAttribute("aria-label", tr("How this number is computed"))
    this.detail.replaceChildren(
      element("h3", { textContent: this.title(step) }),
      ...lines.map((line) => (line instanceof Node ? line : element("p", {}, ...line)))
    )
  }

  of_conv(found, step, row, column) {
    const lines = [[this.where(step, row, column)], ...this.weighted(found, (n) => this.mapName(this.steps[this.step - 1], n))]
    lines.push([tr("ReLU: the larger of this sum and 0"), " = ", number(found.value)])
    const next = this.steps[this.step + 1]
    if (next?.layer.kind === "pool") {
      const [top, left] = [row & ~1, column & ~1]
      const cells = [0, 1, 2, 3].map((n) => step.map[(this.channel * step.side + top + (n >> 1)) * step.side + left + (n & 1)])
      const pooled = next.map[(this.channel * next.side + (row >> 1)) * next.side + (column >> 1)]
      lines.push([tr("The pool then keeps the largest of its 2×2 cells:")], grid(cells, 2, cells.indexOf(Math.max(...cells))), [" = ", number(pooled)])
    }
    return lines
  }

  of_pool(found, step, row, column) {
    const best = found.window.indexOf(Math.max(...found.window))
    return [[this.where(step, row, column)], [tr("The largest of the 2×2 cells below it:")], grid(found.window, 2, best), [" = ", number(found.value)]]
  }

  of_lrn(found, step, row, column) {
    return [[this.where(step, row, column)], [number(found.from), " → ", number(found.value)]]
  }

  of_average(found, step) {
    const cells = found.cells
    return [[this.where(step)], [tr("The mean of these {n} numbers:", { n: cells.length })], grid(cells, Math.sqrt(cells.length)), [" = ", number(found.value)]]
  }

  of_linear(found, step) {
    const name = (n) => tr("number {n}", { n: n + 1 })
    const lines = [[this.where(step)], ...this.weighted(found, name)]
    if (step.layer.relu) lines.push([tr("ReLU: the larger of this sum and 0"), " = ", number(found.value)])
    return lines
  }

  // The largest parts of a weighted sum, what the others add, and the bias.
  weighted({ parts, bias, sum }, name) {
    const ranked = [...parts].sort((a, b) => Math.abs(b.sum) - Math.abs(a.sum))
    const rest = ranked.slice(LISTED).reduce((total, part) => total + part.sum, 0)
    const rows = ranked.slice(0, LISTED).map((part) => {
      const side = Math.sqrt(part.window.length)
      return element(
        "div", { className: "part" },
        element("span", { className: "from", textContent: name(part.channel) }),
        grid(part.window, side), element("span", { textContent: "×" }), grid(part.weights, side, -1, "weights"),
        element("span", {}, "= ", number(part.sum))
      )
    })
    const others = parts.length - Math.min(parts.length, LISTED)
    const lines = [[tr("The largest parts of the sum: cells × weights")], ...rows]
    if (others) lines.push([tr("The other {n} together", { n: others }), ": ", number(rest)])
    lines.push([tr("Bias"), " = ", number(bias)], [element("strong", {}, tr("Sum"), " = ", number(sum))])
    return lines
  }

  // --- from logits to probabilities --------------------------------------------------------------

  drawSoftmax() {
    const { looks, logits, chances } = this.answer
    const { temperature = 1, preprocessing } = this.card
    const all = looks.flat()
    const raised = logits.map((logit) => Math.exp(logit / temperature))
    const total = raised.reduce((a, b) => a + b, 0)
    const names = looks.flatMap((_, n) => {
      const plain = n ? tr("its middle") : tr("the picture")
      return preprocessing.mirror ? [plain, tr("{what}, mirrored", { what: plain })] : [plain]
    })
    const heads = [tr("Class"), ...(all.length > 1 ? names : []), all.length > 1 ? tr("mean") : tr("logit"),
      tr("÷ {temperature}", { temperature: digits(temperature) }), tr("e to that"), tr("÷ their sum")]
    const order = chances.map((_, n) => n).sort((a, b) => chances[b] - chances[a]).slice(0, 12)
    const rows = order.map((n) =>
      element("tr", {}, element("th", { scope: "row", textContent: className(this.card, n) }),
        ...(all.length > 1 ? all : []).concat([logits]).map((list) => element("td", {}, number(list[n]))),
        element("td", {}, number(logits[n] / temperature)), element("td", {}, number(raised[n])),
        element("td", {}, `${(100 * chances[n]).toFixed(1)} %`))
    )
    this.softmax.replaceChildren(
      element("h3", { textContent: tr("Softmax: from numbers to probabilities") }),
      element("p", { textContent: tr("The class with the largest number wins. To become probabilities the numbers are divided by the temperature, {temperature}, which was chosen so that they are as often right as they say; e is raised to each; and each is divided by the sum of all, {total}.", { temperature: digits(temperature), total: digits(total) }) }),
      element("div", { className: "wide", tabIndex: 0, role: "region", "aria-label": tr("Softmax: from numbers to probabilities") },
        element("table", {}, element("thead", {}, element("tr", {}, ...heads.map((text) => element("th", { scope: "col", textContent: text })))), element("tbody", {}, ...rows)))
    )
  }
}

function className(card, place) {
  return card.own ? card.classes[place] : tr(card.classes[place])
}

function number(value) {
  return element("span", { className: "number", textContent: digits(value), title: String(value) })
}

// Numbers in a square; one of them marked.
function grid(values, side, marked = -1, kind = "cells") {
  const made = element("span", { className: `grid ${kind}` })
  made.style.gridTemplateColumns = `repeat(${side}, auto)`
  values.forEach((value, place) => {
    const cell = number(value)
    if (place === marked) cell.classList.add("largest")
    made.append(cell)
  })
  return made
}

function channelOf({ map, side }, channel) {
  return map.subarray(channel * side * side, (channel + 1) * side * side)
}

function rangeOf(values) {
  let low = Infinity, high = -Infinity
  for (const value of values) {
    if (value < low) low = value
    if (value > high) high = value
  }
  return [Math.min(low, 0), Math.max(high, 1e-8)]
}

function brightest(step, channel) {
  const values = channelOf(step, channel)
  let at = 0
  for (let n = 0; n < values.length; n++) if (values[n] > values[at]) at = n
  return [Math.floor(at / step.side), at % step.side]
}

// The channels with the largest means, largest first.
function mostActive(step, count) {
  const means = Array.from({ length: step.channels }, (_, channel) =>
    channelOf(step, channel).reduce((a, b) => a + b, 0)
  )
  return means.map((_, n) => n).sort((a, b) => means[b] - means[a]).slice(0, count)
}

function paint(canvas, step, channel, [low, high], pen = canvas.getContext("2d"), left = 0, top = 0) {
  const { side } = step
  const image = pen.createImageData(side, side)
  const values = channelOf(step, channel)
  for (let n = 0; n < values.length; n++) {
    const light = ((values[n] - low) / (high - low)) * 255
    image.data[4 * n] = image.data[4 * n + 1] = image.data[4 * n + 2] = light
    image.data[4 * n + 3] = 255
  }
  pen.putImageData(image, left, top)
}

// The most active maps of a layer side by side; numbers as a column of shades.
function paintMosaic(canvas, step) {
  const { side, channels } = step
  if (side === 1) {
    const rows = Math.ceil(Math.sqrt(channels))
    const square = { ...step, channels: 1, side: rows, map: new Float32Array(rows * rows) }
    square.map.set(step.map)
    canvas.width = canvas.height = rows
    return paint(canvas, square, 0, rangeOf(step.map))
  }
  const shown = step.layer.kind === "input" ? [...Array(channels).keys()] : mostActive(step, MOSAIC)
  const columns = Math.ceil(Math.sqrt(shown.length))
  canvas.width = canvas.height = columns * (side + 1) - 1
  const pen = canvas.getContext("2d")
  shown.forEach((channel, place) => {
    const left = (place % columns) * (side + 1), top = Math.floor(place / columns) * (side + 1)
    paint(canvas, step, channel, rangeOf(channelOf(step, channel)), pen, left, top)
  })
}
