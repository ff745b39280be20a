"""What is taken over from the build before is what it says it is."""

import os

import pytest

from archive import ArchiveError, ArchiveInputError, build_all, build_company
from tests.archive.small_chain import build, contents, load


def test_a_kept_file_that_was_cut_short_is_built_again(local_market, folder):
    build(build_all, local_market, folder)
    before = contents(folder)
    os.truncate(folder / "store_data/aldi/g100.json", 10)
    build(build_all, local_market, folder)
    assert contents(folder) == before


def test_an_archive_of_another_schema_version_is_only_replaced_as_a_whole(local_market, folder):
    build(build_all, local_market, folder)
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace('"schema_version": 1', '"schema_version": 0', 1))
    with pytest.raises(ArchiveInputError, match=r"schema version 0.*run: splitcart archive all"):
        build(build_company, local_market, None, folder)
    build(build_all, local_market, folder)
    assert load(path)["schema_version"] == 1


def test_a_manifest_that_is_none_is_named(local_market, folder):
    build(build_all, local_market, folder)
    (folder / "manifest.json").write_text("{")
    with pytest.raises(ArchiveError, match="is not a manifest of this program"):
        build(build_all, local_market, folder)


def test_a_missing_file_of_the_archive_is_not_passed_over(local_market, folder):
    build(build_all, local_market, folder)
    (folder / "store_data/aldi/g101.json").unlink()
    with pytest.raises(ArchiveError, match=r"g101.json is missing or cut short; run: splitcart archive all"):
        build(build_company, local_market, None, folder)
    build(build_all, local_market, folder)
    assert (folder / "store_data/aldi/g101.json").is_file()
