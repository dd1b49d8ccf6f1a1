"""What is wrong with the environment."""


class EnvironmentProblemError(Exception):
    """One line for the operator: `environment:1: KEY: what is wrong; what would be right`."""

    def __init__(self, key: str, sentence: str) -> None:
        super().__init__(f"environment:1: {key}: {sentence}")
