"""What heliconemagic costs, measured beside a peer or a floor in the same run: ``python -m benchmarks``."""
