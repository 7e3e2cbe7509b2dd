"""What the layers of an image hold and change, from the bytes that an Engine exports. No I/O in this package.

    tar         bytes → entries of a tar stream
    unpacking   gzip, zstd, plain → the same
    archive     bytes of ``docker save`` → the indexes of its layers, and its JSON parts
    index       entries of one layer, kept small
    fold        layers one above the other → what is there in the end, what changed against the base, what is wasted
"""
