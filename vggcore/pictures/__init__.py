"""From a file or strokes to what a network sees."""
