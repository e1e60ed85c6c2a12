"""The training loop, its batches, exact resume, and what a training costs.

`loop.fit` trains a run; `cost.estimate` predicts the time and memory that it takes.
"""
