"""The colours of charts, diagrams and bars: all are readable on light and dark backgrounds.

Parts of a network use the Okabe–Ito colours, which people with any colour vision can tell apart.
"""

SKY, BLUE, GREEN, ORANGE, RED, PINK = (
    "#56b4e9",
    "#0072b2",
    "#009e73",
    "#e69f00",
    "#d55e00",
    "#cc79a7",
)
GREY = "#999999"
BLOCKS = {
    "block1": SKY,
    "block2": BLUE,
    "block3": GREEN,
    "block4": ORANGE,
    "block5": RED,
    "classifier": PINK,
}
KINDS = {
    "conv": BLUE,
    "batch-norm": ORANGE,
    "linear": PINK,
    "max-pool": GREEN,
    "avg-pool": GREEN,
    "lrn": SKY,
    "dropout": GREY,
}
RINGS = tuple(BLOCKS.values())

# Runs or networks side by side: the first, the second, and so on.
SERIES = ("#2a78d6", "#eb6834", "#1baf7a", "#eda100", "#e87ba4", "#4a3aa7", "#e34948")
FIRST, SECOND = SERIES[:2]
QUIET = "#898781"  # references to compare with
# Ten classes; shapes help where colours do not.
CLASSES = (*SERIES[:5], "#8a6fe8", "#6b7280", "#17b3c4", "#a8793d", "#8fae2b")
WRONG, OWN, OWN_EDGE = "#d62728", "#ffd60a", "#202020"

LINES = "rgba(128,128,128,0.25)"
CLEAR = "rgba(0,0,0,0)"
BAR, BAR_MUTED, BAR_BACKGROUND = "#3b82f6", "rgba(128,128,128,.55)", "rgba(128,128,128,.22)"
ADDED, REMOVED, CHANGED = "rgba(0,158,115,0.28)", "rgba(213,94,0,0.28)", "rgba(230,159,0,0.28)"
# Shares of a row of the confusion matrix, from almost nothing to all of it.
SHARES = (
    (0, "rgba(42,120,214,0.05)"),
    (0.02, "rgba(42,120,214,0.25)"),
    (0.3, "rgba(42,120,214,0.6)"),
    (1, "rgb(28,92,171)"),
)
CHOSEN = "rgba(235,104,52,0.45)"
