"""A thousand worlds: seeded, made-up systems with known faults, that have nothing in common with the shop.

Everything about a world is drawn from its seed: topology, names, what its telemetry shows, latencies, loud but harmless
neighbours, jobs, and 12 to 16 faults of a dozen kinds. The first twelve minutes are quiet.

Seeds 0 to 99 are for development. Seeds from 1000 on are for judging: their worlds must not be looked at while
anything is chosen or fitted. The same seed gives the same files, byte for byte, with the same code.
"""
