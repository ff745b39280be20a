"""A short form of ``benchmarks.policy``: a market with known truth, played through queue, ingestion and grouping."""

from statistics import mean

import pytest
import sqlalchemy as sa

from benchmarks.policy.__main__ import market_of
from benchmarks.policy.play import Play, Setting
from grouping.offers import list_history_table, list_table
from grouping.rebuilding import rebuild_lists
from splitcart.database import open_database, transaction
from splitcart.database.models import Company


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """Six days with a weekly flip; the score, and the folder with the database."""
    folder = tmp_path_factory.mktemp("policy")
    market = market_of("aldi", stores=20, skus=200, clearance=0.003)
    setting = Setting(company="aldi", days=6, budget=0.2, blocked=0.1, moves=0, market=market)
    return Play(3, setting, folder).play(), folder


def test_no_lists_are_merged_nobody_is_ejected_wrongly_and_a_run_without_news_changes_nothing(played):
    score, _ = played
    assert (score.merged, score.falsely_ejected, score.restless) == (0, 0, 0)
    assert score.checks > 0


def test_simpler_rules_are_wrong_more_often_on_the_same_crawls(played):
    score, _ = played
    wrong = {name: mean(errors.wrong) for name, errors in score.errors.items()}
    assert wrong["oracle"] <= wrong["ours"] < min(wrong["flat 98 %"], wrong["freshest wins"])
    assert mean(score.inferred) > 0.02, "there was something to infer"


def test_all_lists_of_the_market_are_made_again_from_crawls_and_decisions(played):
    _, folder = played
    engine = open_database(f"sqlite:///{folder}/policy.sqlite")
    with transaction(engine) as session:
        before = [session.execute(_rows(table)).all() for table in (list_table, list_history_table)]
        rebuild_lists(session, session.scalars(sa.select(Company.id)).one())
        session.flush()
        after = [session.execute(_rows(table)).all() for table in (list_table, list_history_table)]
    engine.dispose()
    assert min(map(len, before)) > 20
    assert after == before


def _rows(table):
    return sa.select(table).order_by(*table.primary_key.columns)
