// The page: asks the worker about drawings and pictures, and shows its answers.

const SHOWN = 5 // bars
const MOST_PIXELS = 50e6
const LARGE_PIXELS = 16e6, LARGE_SIDE = 2048 // a larger picture is scaled down by the browser first
const TURNS = {
  1: () => tr("a quarter turn to the left"),
  2: () => tr("a half turn"),
  3: () => tr("a quarter turn to the right"),
}

class Page {
  constructor() {
    this.texts = JSON.parse(content("words"))
    const network = JSON.parse(content("network"))
    this.card = { ...network.card, own: network.own }
    this.bits = network.bits
    this.main = document.querySelector("main")
    this.find = (selector) => this.main.querySelector(selector)
    this.question = 0
    this.waiting = new Map() // numbers of what the inside asks for, and what to do with them
    this.worker = this.startWorker(network)
    this.inside = new InsideView(this.find(".inside"), (cell) => this.inspect(cell))
    this.language = navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en"
    this.listen()
    this.speak()
  }

  // Two workers where the machine has two processors: one answers, the other helps it.
  startWorker(network) {
    if (typeof Worker === "undefined")
      throw new Error("This browser cannot run workers: open the page in a current browser.")
    const address = URL.createObjectURL(new Blob([content("worker")], { type: "text/javascript" }))
    const worker = new Worker(address)
    worker.onmessage = ({ data }) => this.answered(data)
    worker.onerror = () => complain("This browser cannot run the network: open the page in a current one.")
    if (!network.card.preprocessing.mirror || navigator.hardwareConcurrency === 1) worker.postMessage({ network })
    else {
      const { port1, port2 } = new MessageChannel()
      worker.postMessage({ network, helper: port1 }, [port1])
      const second = new Worker(address)
      second.onerror = second.onmessage = () => worker.postMessage({ alone: true }) // it reports nothing but trouble
      second.postMessage({ network, helps: port2 }, [port2])
    }
    return worker
  }

  listen() {
    this.find(".language").onclick = () => {
      this.language = this.language === "en" ? "zh" : "en"
      this.speak()
    }
    const file = this.find("input[type=file]")
    file.onchange = () => {
      if (file.files[0]) this.open(file.files[0])
      file.value = ""
    }
    document.ondragover = (event) => event.preventDefault()
    document.ondrop = (event) => {
      event.preventDefault()
      if (event.dataTransfer.files[0]) this.open(event.dataTransfer.files[0])
    }
    document.onpaste = (event) => {
      const pasted = [...event.clipboardData.files].find((each) => each.type.startsWith("image/"))
      if (pasted) this.open(pasted)
    }
    this.find("[data-do=draw]").onclick = () => this.showDrawing()
    this.find("[data-do=camera]").onclick = () => this.camera()
    this.find("[data-do=take]").onclick = () => this.take()
    this.find("[data-do=camera]").hidden = !navigator.mediaDevices?.getUserMedia
  }

  // Everything in the reader's language.
  speak() {
    const { card } = this
    document.documentElement.lang = this.language === "zh" ? "zh-CN" : "en"
    translate(this.main, this.language === "zh" ? this.texts : {})
    drawingCanvas({
      parentElement: this.find(".drawing"),
      setStateValue: (_, drawing) => this.draw(JSON.parse(drawing).strokes),
      data: { templates: {}, texts: words, answer: "", drawing: "" },
    })
    const name = card.name || card.network
    this.find("h1").textContent = document.title = tr("{name}: a network in one file", { name })
    this.find(".language").textContent = this.language === "en" ? "中文" : "English"
    this.find(".language").lang = this.language === "en" ? "zh-CN" : "en"
    const known = card.classes.map((_, place) => className(card, place)).slice(0, 12)
    this.find("p.lead").textContent = tr("Draw something or open a picture: the network, {network}, runs in this page and answers at once. It knows {known}.", { network: card.network, known: this.listed(known) })
    this.showCard()
    if (this.answer) this.showAnswer()
    else this.invite()
    this.inside.draw()
  }

  invite() {
    const filming = !this.find("video").hidden
    this.find(".answer .verdict").textContent = filming ? tr("Take the picture") : tr("Draw")
    this.find(".note").textContent = filming
      ? tr("One thing on a plain background works best.")
      : tr("An outline is enough, and you may fill it.")
    this.find(".bars").replaceChildren()
    this.find(".took").textContent = ""
    this.find(".inside-part").hidden = true
  }

  // --- questions -----------------------------------------------------------------------------------

  ask(question, transfer = []) {
    this.asked = performance.now()
    this.worker.postMessage({ question: ++this.question, ...question }, transfer)
  }

  draw(strokes) {
    if (strokes.length) this.ask({ strokes })
    else this.forget()
  }

  // No answer is shown, nor wanted from the worker.
  forget() {
    this.question++
    this.answer = this.turn = null
    this.invite()
  }

  async open(file) {
    this.stopCamera()
    try {
      const { width, height } = await sizeOf(file)
      if (width * height > MOST_PIXELS)
        return this.trouble(tr("The picture has too many pixels: {width}×{height}, at most {limit} million.", { width, height, limit: MOST_PIXELS / 1e6 }))
      if (Math.min(width, height) < 8) return this.trouble(tr("The picture is too small: at least 8 pixels a side."))
      const options = { colorSpaceConversion: "none", premultiplyAlpha: "none" }
      if (width * height > LARGE_PIXELS) {
        const scale = LARGE_SIDE / Math.max(width, height)
        Object.assign(options, { resizeWidth: Math.round(width * scale), resizeHeight: Math.round(height * scale), resizeQuality: "high" })
      }
      this.look(await createImageBitmap(file, options))
    } catch {
      this.trouble(tr("This browser cannot read that picture."))
    }
  }

  // A picture as the browser has decoded it: a bitmap or a video's frame.
  look(source) {
    const canvas = this.find(".photo canvas")
    canvas.width = source.videoWidth || source.width
    canvas.height = source.videoHeight || source.height
    const pen = canvas.getContext("2d", { willReadFrequently: true })
    pen.drawImage(source, 0, 0)
    const { width, height, data } = pen.getImageData(0, 0, canvas.width, canvas.height)
    this.showPhoto()
    this.ask({ image: { width, height, channels: 4, data } }, [data.buffer])
  }

  showPhoto() {
    this.find(".drawing").hidden = true
    this.find(".photo").hidden = false
    this.find(".photo canvas").hidden = false
  }

  showDrawing() {
    this.stopCamera()
    this.find(".drawing").hidden = false
    this.find(".photo").hidden = true
    this.draw(this.find(".drawing .canvas").view.strokes())
  }

  async camera() {
    const video = this.find("video")
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: 1280 } })
      await video.play()
    } catch {
      return this.trouble(tr("The browser does not let this page use a camera."))
    }
    this.showPhoto()
    this.find(".photo canvas").hidden = true
    video.hidden = this.find("[data-do=take]").hidden = false
    this.forget() // the last picture's answer is not this one's
  }

  take() {
    this.look(this.find("video"))
    this.stopCamera()
  }

  stopCamera() {
    const video = this.find("video")
    for (const track of video.srcObject?.getTracks() ?? []) track.stop()
    video.srcObject = null
    video.hidden = this.find("[data-do=take]").hidden = true
  }

  inspect(cell) {
    this.waiting.clear() // only the latest cell matters
    return new Promise((done) => {
      const asked = performance.now()
      this.waiting.set(asked, done)
      this.worker.postMessage({ inspect: cell, asked })
    })
  }

  // --- answers -------------------------------------------------------------------------------------

  answered(data) {
    if (data.inspected) return this.waiting.get(data.asked)?.(data.inspected)
    if (data.trouble) return complain(data.trouble)
    if (data.ready) return (this.main.dataset.ready = "")
    if (data.question !== this.question) return
    if (data.turn) this.turn = data.turn
    else {
      this.answer = data.answer
      this.turn = null
      this.took = performance.now() - this.asked
      this.find(".inside-part").hidden = false
      this.inside.show(this.answer, this.card)
    }
    this.showAnswer()
    this.main.dataset.took = this.took
    this.main.dataset.answered = data.question
  }

  showAnswer() {
    const { chances, best } = this.answer
    const reason = this.turn ?? this.answer.reason
    const name = (place) => className(this.card, place)
    const percent = (chance) => `${(100 * chance).toFixed(1)} %`
    this.find(".answer .verdict").textContent = reason ? tr("Unsure") : name(best)
    this.find(".note").textContent = reason ? this.why(reason, name) : tr("{probability} sure", { probability: percent(chances[best]) })
    const order = chances.map((_, place) => place).sort((a, b) => chances[b] - chances[a])
    this.find(".bars").replaceChildren(
      ...order.slice(0, SHOWN).map((place) => {
        const fill = element("span", { className: "fill" })
        fill.style.width = percent(chances[place]).replace(" ", "")
        return element("li", {}, element("span", { className: "name", textContent: name(place) }),
          element("span", { className: "track" }, fill),
          element("span", { className: "chance", textContent: percent(chances[place]) }))
      })
    )
    const took = tr("Answered in {n} ms.", { n: Math.round(this.took) })
    const part = this.answer.lookedAt && tr("There is more in this picture: the answer is only for the one large thing in it.")
    this.find(".took").textContent = this.sentences([took, part])
  }

  sentences(parts) {
    return parts.filter(Boolean).join(this.language === "zh" ? "" : " ")
  }

  listed(parts) {
    return parts.filter(Boolean).join(this.language === "zh" ? "、" : ", ")
  }

  why(reason, name) {
    const [first, second] = (reason.classes ?? []).map(name)
    const reasons = {
      blank: () => tr("The picture is blank: nothing stands out from its background."),
      nothing: () =>
        this.card.own
          ? tr("This does not look like any of the {count} classes that it knows.", { count: this.card.classes.length })
          : tr("This does not look like any of the ten kinds of garment."),
      unclear: () => tr("It could be {first} or {second}: neither is clear enough.", { first, second }),
      several: () => tr("There are several things here: {listed}. Choose the one you mean.", { listed: this.listed(reason.classes.map(name)) }),
      turn: () => tr("The picture may need turning: after {turn} it looks like {upright}.", { turn: TURNS[reason.quarters](), upright: first }),
    }
    return reasons[reason.kind]()
  }

  trouble(text) {
    this.forget()
    this.find(".answer .verdict").textContent = tr("Unsure")
    this.find(".note").textContent = text
  }

  // --- the card ------------------------------------------------------------------------------------

  showCard() {
    const { card } = this
    const percent = (share) => `${(100 * share).toFixed(2)} %`
    const facts = [
      [tr("Network"), tr("{network}, {count} parameters", { network: card.network, count: card.parameters.toLocaleString("en") })],
      [tr("Learnt from"), this.listed([card.data?.name, card.data?.train_images && tr("{count} pictures", { count: card.data.train_images.toLocaleString("en") })])],
      [tr("Test accuracy"), typeof card.test_accuracy === "number" && percent(card.test_accuracy)],
      [tr("Weights here"), this.rounding(percent)],
      [tr("Calibration"), tr("Temperature {temperature}: its logits are divided by it, so that answers are as often right as they say.", { temperature: digits(card.temperature ?? 1) })],
      [tr("Limits"), card.unsure ? tr("It knows its classes and nothing else. It says that it is unsure below thresholds found on pictures that it was not trained on; no such rule catches everything.") : tr("It knows its classes and nothing else, and names one even where none is shown, unless no class is clearly the most probable.")],
      [tr("Licence"), card.own ? tr("Page: MIT. Network: as its owner decides.") : tr("MIT")],
      [tr("Trained"), this.listed([card.created?.slice(0, 10), card.code_version && `vggcore ${card.code_version}`])],
      [tr("Back to weights"), tr("`vggcore checkpoints add FILE` reads the weights and this card from the page.")],
    ]
    this.find("dl").replaceChildren(
      ...facts.filter(([, text]) => text).flatMap(([name, text]) => [element("dt", { textContent: name }), element("dd", {}, ...withCode(text))])
    )
  }

  rounding(percent) {
    const { bits, card } = this
    const accuracy = card.rounded?.[bits]
    return this.sentences([
      tr("{bits} bits a number, batch norm merged into the convolutions.", { bits }),
      typeof accuracy === "number" && tr("Test accuracy with these: {accuracy}.", { accuracy: percent(accuracy) }),
    ])
  }
}

// A text's parts: what stands in backticks is code.
function withCode(text) {
  return String(text).split("`").map((part, place) => (place % 2 ? element("code", { textContent: part }) : part))
}

function content(id) {
  return document.getElementById(id).textContent
}

// Width and height of a picture before it is decoded.
function sizeOf(file) {
  const image = new Image()
  const address = URL.createObjectURL(file)
  const size = new Promise((done, failed) => {
    image.onload = () => done({ width: image.naturalWidth, height: image.naturalHeight })
    image.onerror = failed
    image.src = address
  })
  return size.finally(() => URL.revokeObjectURL(address))
}

// One clear sentence instead of the page.
function complain(text) {
  document.querySelector("main").hidden = true
  document.querySelector(".trouble").textContent = tr(text)
  document.querySelector(".trouble").hidden = false
}

document.querySelector("main").hidden = false
document.querySelector(".trouble").hidden = true
try {
  new Page()
} catch (error) {
  complain(error instanceof SyntaxError ? "The network in this page is damaged: get the file again." : error.message)
}
