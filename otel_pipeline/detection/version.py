"""The one version of the code that turns raw rows into derived ones. A change of it is a whole pass over each hour."""

CODE_VERSION = "6"
