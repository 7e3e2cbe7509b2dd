"""What a build is: the request, the ignore rules, reading a failure. Values only, no I/O."""
