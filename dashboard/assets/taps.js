// Plotly chooses the point that the pointer was last over, and a finger is over none before it taps:
// without this, a tap on a chart shows a point's label and chooses nothing.
(() => {
  if (window.vggTaps) return;
  window.vggTaps = true;
  addEventListener("touchstart", ({ target, touches }) => {
    if (touches.length !== 1 || !target.closest?.(".nsewdrag")) return;
    const { clientX, clientY } = touches[0];
    target.dispatchEvent(new MouseEvent("mousemove", { bubbles: true, clientX, clientY }));
  }, { capture: true, passive: true });
})();
