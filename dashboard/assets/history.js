// Streamlit 1.67 takes the parameters of a page off the address just before it opens another page.
// That is an entry of its own in the browser's history: Back then shows the page without what the
// visitor had chosen. Between the click that leaves and the new page's address, such an entry is
// left out.
(() => {
  if (window.vggKeepsAddress) return;
  window.vggKeepsAddress = true;
  let leaving = false;
  addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    leaving = link.origin === location.origin && link.pathname !== location.pathname;
  }, true);
  const push = history.pushState.bind(history);
  history.pushState = (state, title, address) => {
    const next = new URL(address ?? location.href, location.href);
    if (leaving && next.pathname === location.pathname && !next.search) return;
    leaving = false;
    push(state, title, address);
  };
})();
