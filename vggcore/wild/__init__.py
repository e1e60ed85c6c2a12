"""The pictures made up for training on photos and drawings."""
