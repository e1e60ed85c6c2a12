// On narrow screens Streamlit 1.67 shows the menu as a sidebar over the page. It closes it only where
// the browser says that it is a phone's, and opens it again at the next load if it was left open.
(() => {
  if (window.vggClosesMenu) return;
  window.vggClosesMenu = true;
  addEventListener("click", (event) => {
    if (!event.target.closest?.('[data-testid="stSidebarNav"] a[href]')) return;
    // Streamlit may be closing it, too, and a second click would open it again: ask until it stays.
    let closed = 0, asked = 0;
    const timer = setInterval(() => {
      const button = document.querySelector('[data-testid="stSidebarCollapseButton"] button');
      button?.click();
      closed = button ? 0 : closed + 1;
      if (closed === 5 || ++asked === 50) clearInterval(timer);
    }, 150);
  }, true);
  addEventListener("pagehide", () => {
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith("stSidebarCollapsed-")) localStorage.setItem(key, "true");
    }
  });
})();
