"""The Docker Engine: find it, build, run, push, inspect."""
