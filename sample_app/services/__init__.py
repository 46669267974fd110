"""The business of the five services, one module each."""
