"""The sample shop: five small services that behave, and break, like real ones.

``python -m sample_app storefront`` (or cart, checkout, payment, inventory) runs one of them. ``matrix.py`` says who
calls whom and who emits what; ``load/`` drives the shop and switches its faults.
"""
