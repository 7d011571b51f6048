"""The sessions of one name side by side: sums and percentiles, by path and by whatever tells them apart."""
