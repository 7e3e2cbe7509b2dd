"""What a training job is: the spec, the platform's container contract, what a failure means. Values only, no I/O."""
