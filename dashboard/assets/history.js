// Streamlit 1.67 takes the parameters of a page off the address just before it opens another page.
// That is an entry of its own in the browser's history: Back then shows the page without what the
// visitor had chosen. Between the click that leaves and the new page's address, such an entry is
// left out. The new page's own changes to its address, until the visitor does something, are part
// of opening it.
(() => {
  if (window.vggKeepsAddress) return;
  window.vggKeepsAddress = true;
  let leaving = false;
  let arriving = true; // at the first load, too
  addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    leaving = link.origin === location.origin && link.pathname !== location.pathname;
  }, true);
  // Sent by what leads to another page and is no link.
  addEventListener("vgg-leaving", () => { leaving = true; });
  for (const kind of ["pointerdown", "keydown", "popstate"]) {
    addEventListener(kind, () => { leaving = arriving = false; }, true);
  }
  const push = history.pushState.bind(history);
  history.pushState = (state, title, address) => {
    const next = new URL(address ?? location.href, location.href);
    const samePage = next.pathname === location.pathname;
    if (samePage && leaving) return;
    if (samePage && arriving) {
      history.replaceState(state, title, address);
      return;
    }
    leaving = false;
    arriving = !samePage;
    push(state, title, address);
  };
})();
