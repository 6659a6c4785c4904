class RuleError(ValueError):
    """The text breaks a rule. `code` is for programs; the message is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
