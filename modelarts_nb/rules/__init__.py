"""The platform's rules: on Dockerfiles, commands and code (MA001…), and on images (MA101…)."""
