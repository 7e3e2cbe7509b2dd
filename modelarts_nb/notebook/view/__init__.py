"""How a trace and its result look: one card for builds, pushes and runs; HTML without scripts, and plain text."""
