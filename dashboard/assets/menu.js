// On narrow screens Streamlit 1.67 shows the menu as a sidebar over the page. It closes it only where
// the browser says that it is a phone's, and opens it again at the next load if it was left open.
(() => {
  if (window.vggClosesMenu) return;
  window.vggClosesMenu = true;
  addEventListener("click", (event) => {
    if (!event.target.closest?.('[data-testid="stSidebarNav"] a[href]')) return;
    // After Streamlit's own answer to the click.
    setTimeout(() => {
      document.querySelector('[data-testid="stSidebarCollapseButton"] button')?.click();
    });
  }, true);
  addEventListener("pagehide", () => {
    for (const key of Object.keys(localStorage)) {
      if (key.startsWith("stSidebarCollapsed-")) localStorage.setItem(key, "true");
    }
  });
})();
