"""The documentation: pages written from the code, and the site made of all pages.

    python -m tools.docs write     write the pages that come from the code anew (docs/magics, contract, troubleshooting, …)
    python -m tools.docs           the same, then the site in both languages: build/site, warnings are errors

The written pages are kept in the repository, so that a reader without the site has them; a test compares.
"""
