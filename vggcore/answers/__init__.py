"""Inference: classification, calibration, explanations, evaluation, and export.

Pages and commands get answers through `classifier.load_classifier`; `results` are the evaluation
that is stored beside a checkpoint.
"""
