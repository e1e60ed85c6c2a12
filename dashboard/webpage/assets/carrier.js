// Keeps the networks that this page looks into. Each is sent once; what a view shows of it changes.

const MOST = 2

export default function ({ data }) {
  const kept = (globalThis.vggNetworks ??= new Map())
  if (kept.has(data.id)) return
  if (kept.size >= MOST) kept.delete(kept.keys().next().value)
  kept.set(data.id, data)
  document.dispatchEvent(new Event("vgg-network"))
}
