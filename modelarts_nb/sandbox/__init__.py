"""A ModelArts region on this machine."""
