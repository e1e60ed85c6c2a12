"""A button that copies the page's address, which holds all that is chosen on the page."""

import streamlit as st

from dashboard.shared.language import tr

# Out of sight until it has its text: a button without a name is no button for a screen reader.
_HTML = """<button type="button" style="visibility: hidden"><svg viewBox="0 0 24 24"
aria-hidden="true"><path
d="M9 15 15 9M11 6l2-2a5 5 0 0 1 7 7l-2 2M13 18l-2 2a5 5 0 0 1-7-7l2-2"/></svg>
<span></span></button>"""
_CSS = """
button { display: inline-flex; gap: 6px; align-items: center; min-height: 40px; padding: 0 .5rem;
  font: 14px/1.2 var(--st-font, sans-serif); color: var(--st-text-color); cursor: pointer;
  background: none; border: 0; border-radius: 8px; white-space: nowrap; }
button:hover { color: var(--st-primary-color); }
button:focus-visible { outline: 2px solid var(--st-primary-color); }
svg { width: 18px; fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round; }
"""
_JS = """
export default function ({ data, parentElement }) {
  const text = parentElement.querySelector("span")
  const button = parentElement.querySelector("button")
  text.textContent = data.label
  button.style.visibility = ""
  button.onclick = async () => {
    const link = new URL(location.href)
    for (const [name, value] of Object.entries(data.parameters)) link.searchParams.set(name, value)
    try {
      await navigator.clipboard.writeText(link.href)
      text.textContent = data.copied
    } catch {
      prompt(data.label, link.href) // without HTTPS, a page cannot reach the clipboard
    }
  }
}
"""
_component = st.components.v2.component("vgg_copy_link", html=_HTML, css=_CSS, js=_JS)


def button(key: str, **parameters: str) -> None:
    """parameters: what the address may lack, because it is the page's default."""
    _component(
        key=key,
        data={
            "label": tr("Copy link"),
            "copied": tr("Link copied"),
            "parameters": {name.replace("_", "-"): value for name, value in parameters.items()},
        },
        width="content",
    )


def title(text: str) -> None:
    """The page's title, with the button beside it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(text, anchor=False, width="content")
        button("copy-link")
