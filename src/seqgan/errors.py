"""Errors that a user can mend."""


class UserError(Exception):
    """One line that says what is wrong, where, what was given and what to do."""
