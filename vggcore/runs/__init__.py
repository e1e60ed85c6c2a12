"""Run folders and their processes: launch, queue, stop, resume, list, measure. No PyTorch."""
