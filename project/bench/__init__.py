"""What `bin/bench` prints: ratios within one run, because machines are shared and noisy."""
