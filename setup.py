"""What scrapyd-deploy calls to build the egg; everything stands in pyproject.toml."""

from setuptools import setup

setup()
