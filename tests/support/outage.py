"""The outage that the fixture of the same name holds: when it was, and what it is."""

from datetime import timedelta

from tests.support.traffic import YESTERDAY, Fault

START = YESTERDAY.replace(minute=2)
END = START + timedelta(seconds=330)
FAULT = Fault(240, 290, fails="stock")
DURING = {"start": START.isoformat(), "end": END.isoformat()}
