"""The Learn page: the tutorial in seven steps, each with code that runs and a question."""
