"""Object storage from inside a container: a folder comes down, a file goes up.

    modelarts-downloader.py -s s3://BUCKET/KEY/FOLDER/ -d DIR      FOLDER and all below it, to DIR/FOLDER
    modelarts-downloader.py --upload FILE -d s3://BUCKET/KEY/      FILE, below KEY/

A stand-in, written from the documented behaviour. In a local run object storage is the folder tree ``OBS``, which the
runner fills before the start. Object storage knows neither modes nor links: what arrives is plain files.
"""

import argparse
import os
import shutil
import sys

OBS = os.environ.get("MODELARTS_NB_OBS", "/run/modelarts_nb/obs")


# Everything that knows where object storage is, is here: an endpoint over HTTP ($S3_ENDPOINT) would be told apart here.
def local(url):
    """The place of an s3:// or obs:// URL in the local tree."""
    scheme, separator, path = url.partition("://")
    if not separator or scheme not in ("s3", "obs"):
        sys.exit("modelarts-downloader.py: not an object storage URL: " + url)
    path = os.path.normpath(path.strip("/"))
    if path.startswith("."):  # no bucket, or a way out of the tree
        sys.exit("modelarts-downloader.py: not an object storage URL: " + url)
    return os.path.join(OBS, path)


def download(url, target):
    source = local(url)
    if not os.path.isdir(source) or not os.listdir(source):
        sys.exit("modelarts-downloader.py: Get object key failed: 'Contents' (nothing below " + url + ")")
    root = os.path.join(target, os.path.basename(source))
    for folder, _, names in os.walk(source, followlinks=True):
        there = os.path.normpath(os.path.join(root, os.path.relpath(folder, source)))
        os.makedirs(there, exist_ok=True)
        for name in names:
            copied = os.path.join(there, name)
            shutil.copyfile(os.path.join(folder, name), copied)
            os.chmod(copied, 0o644)


def upload(path, url):
    target = local(url)
    os.makedirs(target, exist_ok=True)
    shutil.copyfile(path, os.path.join(target, os.path.basename(path)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-s", "--source")
    parser.add_argument("--upload")
    parser.add_argument("-d", "--destination", required=True)
    options = parser.parse_args()
    try:
        if options.upload:
            upload(options.upload, options.destination)
        else:
            download(options.source, options.destination)
    except OSError as error:
        sys.exit("modelarts-downloader.py: %s: %s" % (error.filename, error.strerror))


if __name__ == "__main__":
    main()
