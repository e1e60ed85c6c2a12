"""The Learn page: the tutorial's path in seven steps, each with code that runs and a question."""
