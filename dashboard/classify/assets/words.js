// Put in front of each component's script. The HTML and the scripts are written in English; Python
// sends what to say instead, by the English text.

let words = {}

function tr(text, values = {}) {
  const template = Object.hasOwn(words, text) ? words[text] : text
  return template.replace(/\{(\w+)\}/g, (_, name) => values[name])
}

// Puts all texts and labels below `root` into the language of `texts`.
function translate(root, texts) {
  words = texts ?? {}
  for (const element of [root, ...root.querySelectorAll("*")]) {
    element.english ??= {}
    for (const name of ["title", "aria-label"]) {
      if (!element.hasAttribute(name)) continue
      const text = element.getAttribute(name)
      if (element.english[name] === undefined || element.english[name].shown !== text)
        element.english[name] = { text }
      const own = element.english[name]
      own.shown = tr(own.text)
      element.setAttribute(name, own.shown)
    }
    for (const node of element.childNodes) {
      if (node.nodeType !== Node.TEXT_NODE || !node.data.trim()) continue
      if (node.english === undefined || node.shown !== node.data) node.english = node.data
      node.shown = tr(node.english.trim())
      node.data = node.shown
    }
  }
}
