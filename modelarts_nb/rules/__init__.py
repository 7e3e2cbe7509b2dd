"""The platform's rules: each a small unit, findings out. No I/O."""
