"""Errors that a user can mend, and the one that training raises by itself."""


class UserError(Exception):
    """One line that says what is wrong, where, what was given and what to do."""


class NonFiniteError(ArithmeticError):
    """A loss, gradient or metric became infinite or NaN; no weight has moved since it was good."""
