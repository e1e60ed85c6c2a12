// Runs beside the page, so that drawing stays smooth: answers, and numbers for looking inside.
// A second worker of the same kind may compute the mirror images meanwhile, if the page starts one
// and gives both the ends of a channel.

let answering = null
let last = null // steps of the latest answer's first look, with its input as the first
let newest = 0 // number of the latest question

self.onmessage = async ({ data }) => {
  try {
    if (data.network) return start(data)
    if (data.alone) return answering?.helper?.end()
    if (data.inspect) return self.postMessage({ asked: data.asked, inspected: inspect(data.inspect) })
    newest = data.question
    const answer = await answered(data)
    if (newest !== data.question) return
    last = answer.steps
    self.postMessage({ question: data.question, answer: shown(answer) })
    if (data.inputs) return // Python has answered; this is only for looking inside
    // A turned picture is looked for once the page has its answer, unless there is a new question.
    await new Promise((done) => setTimeout(done))
    if (newest !== data.question) return
    const turn = await answering.neededTurn(answer)
    if (turn) self.postMessage({ question: data.question, turn })
  } catch (error) {
    self.postMessage({ question: data.question, trouble: error.message })
  }
}

// helper: a channel's end to a second worker, if there is one. helps: its other end, in that worker.
function start({ network, helper, helps }) {
  answering = new Answering(network, helper && new Helper(helper))
  if (helps) helps.onmessage = ({ data }) => helps.postMessage(answering.steps(data).at(-1).map)
  else self.postMessage({ ready: true })
}

// The logits of mirror images, from the second worker. Once that has ended: null.
class Helper {
  constructor(port) {
    this.port = port
    this.waiting = []
    port.onmessage = ({ data }) => this.waiting.shift()(data)
  }

  logits(mirrored) {
    if (!this.port) return null
    this.port.postMessage(mirrored)
    return new Promise((done) => this.waiting.push(done))
  }

  end() {
    if (this.port) this.port.onmessage = null
    this.port = null
    for (const done of this.waiting.splice(0)) done(null)
  }
}

// The answer for prepared pictures, for strokes, or for a picture with four channels.
function answered({ inputs, strokes, image }) {
  if (!inputs) return answering.classify(strokes ? coloured(render(strokes)) : smaller(image))
  const pictures = inputs.map((each) => ({ ...each, data: bytesOf(each.data) }))
  return answering.ofPrepared({ inputs: pictures, blank: false, drawn: false })
}

// A picture with four channels as Python opens it: opaque, 1,024 pixels a side at most.
function smaller(image) {
  const transparent = image.data.some((value, at) => at % 4 === 3 && value < 255)
  if (transparent) return opaque(thumbnail(image, 1024))
  const plain = picture(image.width, image.height, 3)
  for (let i = 0, at = 0; at < plain.data.length; i++) if (i % 4 < 3) plain.data[at++] = image.data[i]
  return thumbnail(plain, 1024)
}

// What the page shows: not the layers' weights, which are megabytes to copy.
function shown(answer) {
  const { chances, best, reason, lookedAt, prepared, looks, logits } = answer
  const steps = answer.steps.map(({ layer: { kind, name, block, relu }, ...step }) => ({
    ...step,
    layer: { kind, name, block, relu },
  }))
  return { chances, best, reason, lookedAt, looks, logits, input: prepared.inputs[0], steps }
}

// Every number that makes one cell of a map: {value, …} by the kind of its layer.
function inspect({ step, channel, row, column }) {
  const { layer, map, side } = last[step]
  const before = last[step - 1]
  const value = map[(channel * side + row) * side + column]
  return { value, ...INSPECT[layer.kind](before, layer, channel, row, column) }
}

const INSPECT = {
  conv(before, layer, channel, row, column) {
    const { kernel, channels, weights, bias } = layer
    const edge = kernel >> 1
    const parts = [] // of each channel below: its window, its weights, the sum of their products
    let sum = bias[channel]
    for (let from = 0; from < channels; from++) {
      const start = (channel * channels + from) * kernel ** 2
      const part = { channel: from, window: [], weights: [], sum: 0 }
      for (let y = -edge; y <= edge; y++)
        for (let x = -edge; x <= edge; x++) {
          const [v, u] = [row + y, column + x]
          const outside = v < 0 || u < 0 || v >= before.side || u >= before.side
          const cell = outside ? 0 : before.map[(from * before.side + v) * before.side + u]
          const weight = weights[start + part.weights.length]
          part.window.push(cell)
          part.weights.push(weight)
          part.sum += cell * weight
        }
      parts.push(part)
      sum += part.sum
    }
    return { parts, bias: bias[channel], sum }
  },

  pool(before, layer, channel, row, column) {
    const at = (channel * before.side + 2 * row) * before.side + 2 * column
    const window = [at, at + 1, at + before.side, at + before.side + 1].map((n) => before.map[n])
    return { window }
  },

  lrn(before, layer, channel, row, column) {
    return { from: before.map[(channel * before.side + row) * before.side + column] }
  },

  average(before, layer, channel) {
    const area = before.side ** 2
    return { cells: Array.from(before.map.subarray(channel * area, (channel + 1) * area)) }
  },

  linear(before, layer, channel) {
    const { inputs, weights, bias } = layer
    const parts = Array.from(before.map, (value, from) => {
      const weight = weights[channel * inputs + from]
      return { channel: from, window: [value], weights: [weight], sum: value * weight }
    })
    return { parts, bias: bias[channel], sum: parts.reduce((a, b) => a + b.sum, bias[channel]) }
  },
}
