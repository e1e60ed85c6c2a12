"""The training loop, its batches, exact resume, and what a training costs."""
