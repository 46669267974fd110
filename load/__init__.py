"""What happens to the sample shop: customers (``locustfile.py``) and faults (``faults.py``)."""
