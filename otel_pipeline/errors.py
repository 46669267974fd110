"""The one exception that users see: a single line that says what is wrong and what to do about it."""


class UserError(Exception):
    """A failure that the user can mend. The command line prints it as one line and exits with status 1.

    :param message: what is wrong, then what to do, on one line.
    """


class Unavailable(UserError):
    """Another process does not answer at present; the same again, a little later, may go well. What retries catch."""
