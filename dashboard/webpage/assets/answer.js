// What the network answers: `vggcore/answers/classifier.py` in JavaScript.

const PLAINLY_UPRIGHT = 0.999, SUSPECT = 1, CONFIRMED = 1.5

// The normalised numbers that a prepared picture's bytes become: Float32Array [channels, S, S].
function networkInput(image, { image_size: size, fit, mean, std }) {
  const { width: side, channels, data } = image
  const [means, spreads] = [[mean].flat(), [std].flat()]
  const input = new Float32Array(channels * size * size)
  const scaled = size !== side && fit === "resize"
  const before = scaled ? 0 : Math.trunc((size - side) / 2)
  for (let channel = 0, to = 0; channel < channels; channel++) {
    const value = (y, x) =>
      y < 0 || x < 0 || y >= side || x >= side ? 0 : data[(y * side + x) * channels + channel] / 255
    const m = means[channel] ?? means[0], s = spreads[channel] ?? spreads[0]
    for (let row = 0; row < size; row++)
      for (let column = 0; column < size; column++) {
        const light = scaled
          ? between(value, row, column, side / size, side)
          : value(row - before, column - before)
        input[to++] = (light - m) / s
      }
  }
  return input
}

// Bilinear interpolation, as PyTorch's `interpolate` does it.
function between(value, row, column, scale, side) {
  const y = Math.max(0, (row + 0.5) * scale - 0.5), x = Math.max(0, (column + 0.5) * scale - 0.5)
  const y0 = Math.floor(y), x0 = Math.floor(x)
  const y1 = Math.min(y0 + 1, side - 1), x1 = Math.min(x0 + 1, side - 1)
  const upper = value(y0, x0) * (1 - (x - x0)) + value(y0, x1) * (x - x0)
  const lower = value(y1, x0) * (1 - (x - x0)) + value(y1, x1) * (x - x0)
  return upper * (1 - (y - y0)) + lower * (y - y0)
}

// Its left and right swapped.
function mirrored(input, side) {
  const result = new Float32Array(input.length)
  for (let start = 0; start < input.length; start += side)
    for (let x = 0; x < side; x++) result[start + x] = input[start + side - 1 - x]
  return result
}

function softmax(logits, temperature) {
  const most = Math.max(...logits)
  const raised = Array.from(logits, (logit) => Math.exp((logit - most) / temperature))
  const sum = raised.reduce((a, b) => a + b, 0)
  return raised.map((value) => value / sum)
}

class Answering {
  // helper: a `Helper` for the mirror images, or null to compute them here, too.
  constructor(network, helper = null) {
    this.card = { ...network.card, own: network.own }
    this.way = network.card.preprocessing
    this.layers = layersOf(unpacked(network))
    this.channels = network.channels
    this.helper = helper
  }

  // The network's steps for one input, and the logits of it and, where the card asks for it, of its
  // mirror image.
  async look(image, mirror = this.way.mirror) {
    const input = networkInput(image, this.way)
    const other = mirror ? mirrored(input, this.way.image_size) : null
    const meanwhile = other && this.helper?.logits(other)
    const steps = this.steps(input)
    const logits = [steps.at(-1).map]
    if (other) logits.push((await meanwhile) ?? this.steps(other).at(-1).map)
    return { steps, logits }
  }

  steps(input) {
    const side = this.way.image_size
    const first = { layer: { kind: "input", name: "input" }, map: input, channels: this.channels, side }
    return [first, ...run(this.layers, input, this.channels, side)]
  }

  looks(inputs, mirror) {
    return Promise.all(inputs.map((input) => this.look(input, mirror)))
  }

  async logits(inputs, mirror) {
    return mean((await this.looks(inputs, mirror)).flatMap(({ logits }) => logits))
  }

  // The answer for a picture with three channels, and what the network computed for it.
  async classify(image) {
    const nothing = { main: null, several: [] }
    const found = STYLES[this.way.style].whole ? nothing : findThings(image)
    if (found.main) return { ...(await this.ofPart(image, found.main)), lookedAt: found.main }
    const answer = await this.ofPicture(image, this.way.middle ?? 0)
    if (!found.several.length) return answer
    const sure = []
    for (const box of found.several) {
      const part = await this.ofPart(image, box)
      if (!(await this.isUnsure(part))) sure.push(part)
    }
    const named = [...new Set(sure.map((part) => part.best))]
    if (named.length > 1) return { ...answer, reason: { kind: "several", classes: named } }
    if (sure.length && (answer.best !== named[0] || (await this.isUnsure(answer))))
      return sure.reduce((a, b) => (b.chances[b.best] > a.chances[a.best] ? b : a))
    return answer
  }

  async isUnsure(answer) {
    return Boolean(answer.reason || (await this.neededTurn(answer)))
  }

  ofPart(image, [left, top, width, height]) {
    const right = Math.min(left + width, image.width), bottom = Math.min(top + height, image.height)
    return this.ofPicture(crop(image, Math.max(0, left), Math.max(0, top), right, bottom), 0)
  }

  ofPicture(image, middle) {
    const { style, image_size } = this.way
    return this.ofPrepared(prepare(image, style === "fashion-mnist" ? 28 : image_size, style, middle))
  }

  async ofPrepared(prepared) {
    const looks = await this.looks(prepared.inputs)
    const logits = mean(looks.flatMap((look) => look.logits))
    const chances = softmax(logits, this.card.temperature ?? 1)
    const best = chances.indexOf(Math.max(...chances))
    const reason = this.doubt(prepared, logits, chances, best)
    const each = looks.map((look) => look.logits.map((some) => Array.from(some)))
    return { prepared, steps: looks[0].steps, looks: each, logits, chances, best, reason }
  }

  doubt(prepared, logits, chances, best) {
    if (prepared.blank) return { kind: "blank" }
    const { unsure } = this.card
    if (unsure && Math.max(...logits) < this.needed(prepared.drawn)[logits.indexOf(Math.max(...logits))])
      return { kind: "nothing" }
    if (chances[best] < (unsure?.probability ?? 0.5)) {
      const ranked = chances.map((chance, place) => [chance, place]).sort((a, b) => b[0] - a[0])
      return { kind: "unclear", classes: [ranked[0][1], ranked[1]?.[1] ?? ranked[0][1]] }
    }
    return null
  }

  // How large the logit of each class must be.
  needed(drawn) {
    const { evidence, by_class, drawings } = this.card.unsure
    const photos = by_class?.length ? by_class : this.card.classes.map(() => evidence ?? -Infinity)
    return drawn && drawings?.length ? drawings : photos
  }

  // By how many quarter turns to the left a picture apparently needs turning, and what it then
  // looks like; null if none. It takes three more looks: only for answers that are not plain.
  async neededTurn({ prepared, logits, chances, best, reason }) {
    if (prepared.blank || !this.card.unsure || this.card.own) return null
    if (!reason && chances[best] >= PLAINLY_UPRIGHT) return null
    const evidence = Math.max(...logits)
    const ways = [1, 2, 3].map((quarters) => prepared.inputs.map((input) => turned(input, quarters)))
    const found = []
    for (const inputs of ways) found.push(Math.max(...(await this.logits(inputs, false))))
    const most = found.indexOf(Math.max(...found))
    if (found[most] - evidence < SUSPECT) return null
    const upright = await this.logits(ways[most])
    if (Math.max(...upright) - evidence < CONFIRMED) return null
    const after = softmax(upright, this.card.temperature ?? 1)
    const class_ = upright.indexOf(Math.max(...upright))
    if (this.doubt(prepared, upright, after, class_)) return null
    return { kind: "turn", quarters: most + 1, classes: [class_] }
  }
}

function mean(lists) {
  return lists[0].map((_, place) => lists.reduce((sum, list) => sum + list[place], 0) / lists.length)
}
