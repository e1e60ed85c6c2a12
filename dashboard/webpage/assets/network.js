// The arithmetic of a VGG, in plain JavaScript: 3×3 convolutions, ReLU, max-pool, linear layers.
//
// A map is a grid of numbers: Float32Array [channels, side, side], row by row. Batch norms were
// merged into the convolutions when this network was saved: in use each is only a fixed scale and
// shift per channel.

// The layers in the order in which they run, from the card's `spec` and the saved weights.
function layersOf(saved) {
  const layers = []
  for (const block of saved.blocks) {
    for (const conv of block.convs) {
      layers.push({ ...conv, kind: "conv", block: block.number })
      if (conv.lrn) layers.push({ kind: "lrn", name: `${conv.name}.lrn`, block: block.number })
    }
    layers.push({ kind: "pool", name: `block${block.number}.pool`, block: block.number })
  }
  if (saved.head === "pool") layers.push({ kind: "average", name: "average" })
  saved.linear.forEach((linear, place) =>
    layers.push({ ...linear, kind: "linear", relu: place < saved.linear.length - 1 })
  )
  for (const layer of layers) {
    if (layer.kind !== "conv") continue
    // Rows of four channels are computed at once: the last may lack some.
    layer.rows = Math.ceil(layer.out / 4) * 4
    layer.transformed = layer.kernel === 3 ? transformedWeights(layer) : null
  }
  return layers
}

// All that the network computes for one picture, Float32Array [channels, side, side]: a list of
// {layer, map, channels, side}. The last one's map holds the logits.
function run(layers, input, channels, side) {
  const steps = []
  let here = { map: input, channels, side }
  for (const layer of layers) {
    here = { layer, ...LAYER[layer.kind](here, layer) }
    steps.push(here)
  }
  return steps
}

const LAYER = {
  conv(here, layer) {
    const map = layer.kernel === 3 ? convolve3(here, layer) : convolve1(here, layer)
    return { map, channels: layer.out, side: here.side }
  },

  // The largest of each 2×2 cells.
  pool({ map, channels, side }) {
    const half = side >> 1
    const pooled = new Float32Array(channels * half * half)
    let to = 0
    for (let channel = 0; channel < channels; channel++)
      for (let row = 0; row < half; row++) {
        let at = channel * side * side + 2 * row * side
        for (let column = 0; column < half; column++, at += 2)
          pooled[to++] = Math.max(map[at], map[at + 1], map[at + side], map[at + side + 1])
      }
    return { map: pooled, channels, side: half }
  },

  // Divides by what the two channels on either side hold in the same place (Krizhevsky et al.,
  // 2012): only the configuration A-LRN has it.
  lrn({ map, channels, side }) {
    const area = side * side
    const damped = new Float32Array(map.length)
    for (let channel = 0; channel < channels; channel++)
      for (let at = 0; at < area; at++) {
        let sum = 0
        const last = Math.min(channels - 1, channel + 2)
        for (let other = Math.max(0, channel - 2); other <= last; other++)
          sum += map[other * area + at] ** 2
        damped[channel * area + at] = map[channel * area + at] / (2 + (1e-4 * sum) / 5) ** 0.75
      }
    return { map: damped, channels, side }
  },

  // The mean of each channel.
  average({ map, channels, side }) {
    const area = side * side
    const means = new Float32Array(channels)
    for (let channel = 0; channel < channels; channel++) {
      let sum = 0
      for (let at = 0; at < area; at++) sum += map[channel * area + at]
      means[channel] = sum / area
    }
    return { map: means, channels, side: 1 }
  },

  // Each output is a weighted sum of all inputs.
  linear({ map }, { weights, bias, out, relu }) {
    const sums = new Float32Array(out)
    const count = map.length
    for (let row = 0; row < out; row++) {
      let sum = bias[row]
      for (let at = 0, w = row * count; at < count; at++, w++) sum += weights[w] * map[at]
      sums[row] = relu ? Math.max(0, sum) : sum
    }
    return { map: sums, channels: out, side: 1 }
  },
}

// A convolution that looks at one cell only: the configuration C has three.
function convolve1({ map, channels, side }, { weights, bias, out }) {
  const area = side * side
  const result = new Float32Array(out * area)
  for (let to = 0; to < out; to++)
    for (let at = 0; at < area; at++) {
      let sum = bias[to]
      for (let from = 0; from < channels; from++)
        sum += weights[to * channels + from] * map[from * area + at]
      result[to * area + at] = Math.max(0, sum)
    }
  return result
}

// --- 3×3 convolutions ------------------------------------------------------------------------
//
// A cell of a 3×3 convolution is a sum of 9 products per input channel: `windowSum` in inside.js
// says it as it is. For speed four cells, 2×2, are computed together from the 4×4 cells below
// them. Winograd's way takes 16 products per channel for the four instead of 36: the cells and the
// weights are first added up and subtracted in a fixed way (Lavin and Gray, arXiv 1509.09308).
//
//   result = Aᵀ [(G g Gᵀ) ∘ (Bᵀ d B)] A       d: 4×4 cells, g: 3×3 weights, ∘: cell by cell
//
//   Bᵀ = 1  0 -1  0     G =  1    0    0      Aᵀ = 1  1  1  0
//        0  1  1  0          ½    ½    ½           0  1 -1 -1
//        0 -1  1  0          ½   -½    ½
//        0  1  0 -1          0    0    1

const TILES = 48 // 2×2 tiles that are computed together, so that they stay in the processor's cache
const LANES = 3 // … of which so many in one pass over the channels

// G g Gᵀ of all weights: Float32Array [16, rows / 4, channels, 4].
function transformedWeights({ weights, out, channels, rows }) {
  const result = new Float32Array(16 * rows * channels)
  const half = new Float64Array(12)
  for (let to = 0; to < out; to++)
    for (let from = 0; from < channels; from++) {
      const g = (to * channels + from) * 9
      for (let column = 0; column < 3; column++) {
        const [a, b, c] = [weights[g + column], weights[g + 3 + column], weights[g + 6 + column]]
        half[column] = a
        half[3 + column] = (a + b + c) / 2
        half[6 + column] = (a - b + c) / 2
        half[9 + column] = c
      }
      const place = ((to >> 2) * channels + from) * 4 + (to & 3)
      for (let row = 0; row < 4; row++) {
        const [a, b, c] = [half[3 * row], half[3 * row + 1], half[3 * row + 2]]
        const four = [a, (a + b + c) / 2, (a - b + c) / 2, c]
        for (let column = 0; column < 4; column++)
          result[(4 * row + column) * rows * channels + place] = four[column]
      }
    }
  return result
}

// The maps after a 3×3 convolution with a border of zeros, and ReLU.
function convolve3({ map, channels, side }, layer) {
  const { out, rows, bias, transformed } = layer
  const across = (side + 1) >> 1 // tiles in a row
  const count = across * across
  const result = new Float32Array(out * side * side)
  const cells = new Float32Array(16 * channels * TILES) // Bᵀ d B: [16, tiles / 3, channels, 3]
  const products = new Float32Array(16 * rows * TILES) // summed over channels: [16, rows, tiles]
  for (let first = 0; first < count; first += TILES) {
    const tiles = Math.min(TILES, count - first)
    const padded = Math.ceil(tiles / LANES) * LANES
    gather(map, channels, side, across, first, tiles, cells)
    for (let k = 0; k < 16; k++)
      multiply(transformed, k * rows * channels, cells, k * channels * TILES,
        products, k * rows * TILES, channels, rows, padded)
    scatter(products, rows, bias, result, out, side, across, first, tiles)
  }
  return result
}

// Bᵀ d B for each channel of some tiles.
function gather(map, channels, side, across, first, tiles, cells) {
  const d = new Float64Array(16)
  const step = channels * TILES
  for (let tile = 0; tile < tiles; tile++) {
    const top = 2 * Math.floor((first + tile) / across) - 1
    const left = 2 * ((first + tile) % across) - 1
    const inside = top >= 0 && left >= 0 && top + 4 <= side && left + 4 <= side
    const lane = Math.floor(tile / LANES) * channels * LANES + (tile % LANES)
    for (let channel = 0; channel < channels; channel++) {
      const start = channel * side * side + top * side + left
      for (let row = 0; row < 4; row++)
        for (let column = 0; column < 4; column++) {
          const y = top + row, x = left + column
          const there = inside || (y >= 0 && x >= 0 && y < side && x < side)
          d[4 * row + column] = there ? map[start + row * side + column] : 0
        }
      for (let column = 0; column < 4; column++) {
        const a = d[column], b = d[4 + column], c = d[8 + column], e = d[12 + column]
        d[column] = a - c
        d[4 + column] = b + c
        d[8 + column] = c - b
        d[12 + column] = b - e
      }
      let to = lane + channel * LANES
      for (let row = 0; row < 16; row += 4) {
        const a = d[row], b = d[row + 1], c = d[row + 2], e = d[row + 3]
        cells[to] = a - c
        cells[to + step] = b + c
        cells[to + 2 * step] = c - b
        cells[to + 3 * step] = b - e
        to += 4 * step
      }
    }
  }
}

// products[row, tile] = Σ over channels of weights[row, channel] · cells[channel, tile].
// Four rows by three tiles at once: each number that is read is used several times.
function multiply(weights, w0, cells, c0, products, p0, channels, rows, tiles) {
  for (let row = 0; row < rows; row += 4)
    for (let tile = 0; tile < tiles; tile += 3) {
      let a0 = 0, a1 = 0, a2 = 0, b0 = 0, b1 = 0, b2 = 0
      let d0 = 0, d1 = 0, d2 = 0, e0 = 0, e1 = 0, e2 = 0
      let w = w0 + row * channels, c = c0 + tile * channels
      const end = w + 4 * channels
      while (w < end) {
        const x = cells[c], y = cells[c + 1], z = cells[c + 2]
        const a = weights[w], b = weights[w + 1], d = weights[w + 2], e = weights[w + 3]
        a0 += a * x; a1 += a * y; a2 += a * z
        b0 += b * x; b1 += b * y; b2 += b * z
        d0 += d * x; d1 += d * y; d2 += d * z
        e0 += e * x; e1 += e * y; e2 += e * z
        w += 4
        c += 3
      }
      let p = p0 + row * TILES + tile
      products[p] = a0; products[p + 1] = a1; products[p + 2] = a2
      p += TILES
      products[p] = b0; products[p + 1] = b1; products[p + 2] = b2
      p += TILES
      products[p] = d0; products[p + 1] = d1; products[p + 2] = d2
      p += TILES
      products[p] = e0; products[p + 1] = e1; products[p + 2] = e2
    }
}

// Aᵀ […] A, the bias and ReLU: 2×2 cells of each channel and tile.
function scatter(products, rows, bias, result, out, side, across, first, tiles) {
  const step = rows * TILES
  for (let channel = 0; channel < out; channel++) {
    const b = bias[channel]
    for (let tile = 0; tile < tiles; tile++) {
      const p = channel * TILES + tile
      let s0 = 0, s1 = 0, s2 = 0, s3 = 0, t0 = 0, t1 = 0, t2 = 0, t3 = 0
      s0 = products[p] + products[p + 4 * step] + products[p + 8 * step]
      s1 = products[p + step] + products[p + 5 * step] + products[p + 9 * step]
      s2 = products[p + 2 * step] + products[p + 6 * step] + products[p + 10 * step]
      s3 = products[p + 3 * step] + products[p + 7 * step] + products[p + 11 * step]
      t0 = products[p + 4 * step] - products[p + 8 * step] - products[p + 12 * step]
      t1 = products[p + 5 * step] - products[p + 9 * step] - products[p + 13 * step]
      t2 = products[p + 6 * step] - products[p + 10 * step] - products[p + 14 * step]
      t3 = products[p + 7 * step] - products[p + 11 * step] - products[p + 15 * step]
      const row = 2 * Math.floor((first + tile) / across), column = 2 * ((first + tile) % across)
      const at = channel * side * side + row * side + column
      const wide = column + 1 < side, tall = row + 1 < side
      result[at] = Math.max(0, s0 + s1 + s2 + b)
      if (wide) result[at + 1] = Math.max(0, s1 - s2 - s3 + b)
      if (tall) result[at + side] = Math.max(0, t0 + t1 + t2 + b)
      if (wide && tall) result[at + side + 1] = Math.max(0, t1 - t2 - t3 + b)
    }
  }
}

// --- saved weights ---------------------------------------------------------------------------

// The network from the page: whole numbers of 8 or 16 bits, with a scale for each output channel.
// Throws an Error whose message is one sentence for people.
function unpacked(network) {
  const bytes = bytesOf(network.weights)
  if (bytes.length !== network.bytes || crc32(bytes) !== network.crc32)
    throw new Error("The network in this page is damaged: get the file again.")
  const Kind = network.bits === 8 ? Int8Array : Int16Array
  let at = 0
  const next = (Type, count) => {
    const end = at + count * Type.BYTES_PER_ELEMENT
    if (end > bytes.length) throw new Error("The weights in this page do not fit its network.")
    const part = new Type(bytes.buffer.slice(at, end))
    at = end
    return part
  }
  const restored = (layer) => {
    const scales = next(Float32Array, layer.out)
    const bias = next(Float32Array, layer.out)
    const each = layer.inputs ?? layer.channels * layer.kernel ** 2
    const whole = next(Kind, layer.out * each)
    const weights = new Float32Array(whole.length)
    for (let i = 0; i < whole.length; i++) weights[i] = whole[i] * scales[Math.floor(i / each)]
    return { ...layer, weights, bias }
  }
  const blocks = network.blocks.map((block) => ({ ...block, convs: block.convs.map(restored) }))
  const linear = network.linear.map(restored)
  if (at !== bytes.length) throw new Error("The weights in this page do not fit its network.")
  return { ...network, blocks, linear }
}

function bytesOf(base64) {
  const text = atob(base64)
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}

function crc32(bytes) {
  const table = new Uint32Array(256)
  for (let i = 0; i < 256; i++) {
    let value = i
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
    table[i] = value
  }
  let sum = 0xffffffff
  for (let i = 0; i < bytes.length; i++) sum = table[(sum ^ bytes[i]) & 255] ^ (sum >>> 8)
  return (sum ^ 0xffffffff) >>> 0
}
