"""Publish: the company and store archives.

In: the database (observations, group lists, memberships). Out: ``company_data/{company}.json``,
``store_data/{company}/{store}.json``, the JSON Schemas beside them, and a manifest over all of it.
"""

from archive.build import Progress, build_all, build_company, build_stores
from archive.errors import ArchiveError, ArchiveInputError
from archive.staging import BuildReport

__all__ = ["ArchiveError", "ArchiveInputError", "BuildReport", "Progress", "build_all", "build_company", "build_stores"]
