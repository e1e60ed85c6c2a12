// A picture from the clipboard, made small in the browser and sent to Python as base64 PNG.

const MAX_SIDE = 384

export default function ({ parentElement, setStateValue, data }) {
  const root = parentElement.querySelector(".paste")
  translate(root, data?.texts)
  const [paste, remove] = root.querySelectorAll("button")
  const announce = (text) => (root.querySelector("p").textContent = tr(text))

  const send = async (blob) => {
    try {
      setStateValue("picture", await small(blob))
      remove.hidden = false
      announce("Pasted.")
    } catch {
      announce("This browser cannot read that picture.")
    }
  }
  paste.onclick = async () => {
    try {
      for (const item of await navigator.clipboard.read()) {
        const type = item.types.find((name) => name.startsWith("image/"))
        if (type) return send(await item.getType(type))
      }
      announce("There is no picture in the clipboard.")
    } catch {
      announce("The browser does not let this page read the clipboard: press Ctrl+V instead.")
    }
  }
  remove.onclick = () => {
    setStateValue("picture", "")
    remove.hidden = true
    announce("Removed.")
  }
  const onPaste = (event) => {
    const files = [...(event.clipboardData?.files ?? [])]
    const file = files.find((each) => each.type.startsWith("image/"))
    if (file) send(file)
  }
  root.stop?.()
  document.addEventListener("paste", onPaste)
  paste.disabled = false // from here on nothing that is pasted is lost
  root.stop = () => document.removeEventListener("paste", onPaste)
  return () => root.stop()
}

async function small(blob) {
  const bitmap = await createImageBitmap(blob)
  const scale = Math.min(1, MAX_SIDE / Math.max(bitmap.width, bitmap.height))
  const canvas = document.createElement("canvas")
  canvas.width = Math.max(1, Math.round(bitmap.width * scale))
  canvas.height = Math.max(1, Math.round(bitmap.height * scale))
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height)
  return canvas.toDataURL("image/png").split(",")[1]
}
