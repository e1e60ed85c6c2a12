// The inside of a network as a component of the dashboard: inside.js, fed with what Python prepared.

export default function ({ parentElement, data }) {
  const root = parentElement.querySelector(".inside")
  words = data.texts
  root.looking ??= new Looking(root)
  root.looking.at(data)
}

class Looking {
  constructor(root) {
    this.view = new InsideView(root, (cell) => this.inspect(cell))
    this.question = 0
    document.addEventListener("vgg-network", () => this.at(this.wanted))
  }

  at(data) {
    this.wanted = data
    const kept = globalThis.vggNetworks?.get(data.id)
    if (!kept) return // it is on its way
    if (this.id !== data.id) this.start(kept)
    const asked = JSON.stringify(data.inputs)
    if (this.asked === asked) return this.view.draw() // perhaps in another language
    this.asked = asked
    this.worker.postMessage({ question: ++this.question, inputs: data.inputs })
  }

  start({ id, network, worker }) {
    this.worker?.terminate()
    const address = URL.createObjectURL(new Blob([worker], { type: "text/javascript" }))
    this.worker = new Worker(address)
    this.worker.onmessage = ({ data }) => this.answered(data)
    this.worker.postMessage({ network })
    this.card = { ...network.card, own: network.own }
    this.id = id
    this.asked = null
  }

  answered({ inspected, question, answer }) {
    if (inspected) this.found?.(inspected)
    else if (answer && question === this.question) this.view.show(answer, this.card)
  }

  inspect(cell) {
    this.worker.postMessage({ inspect: cell })
    return new Promise((done) => (this.found = done)) // only the latest cell matters
  }
}
