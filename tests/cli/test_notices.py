"""Notices reach people by mail and programs by webhook, over real connections."""

import pytest

from splitcart.config import Settings
from splitcart.errors import InputError
from splitcart.notices import Notice, NoticeError, send_notice
from tests.notice_takers import mail_server, webhook

NOTICE = Notice(source="splitcart health", lines=["aldi: nothing new for 60 h"])


def settings(**values: str) -> Settings:
    return Settings(_env_file=None, worker="shed", **values)


def test_a_webhook_gets_the_lines_and_a_text_to_show():
    with webhook() as (url, posted):
        assert send_notice(settings(notify_webhook=url), NOTICE) == ["webhook"]
    assert posted == [
        {
            "source": "splitcart health",
            "host": "shed",
            "lines": NOTICE.lines,
            "subject": "SplitCart on shed: splitcart health found 1 thing wrong",
            "text": "SplitCart on shed: splitcart health found 1 thing wrong\naldi: nothing new for 60 h",
        }
    ]


def test_a_mail_goes_to_all_that_are_named():
    with mail_server() as (address, mails, commands):
        told = settings(
            notify_email="a@example.org, b@example.org", notify_from="s@example.org", smtp_url=f"smtp://{address}"
        )
        assert send_notice(told, NOTICE) == ["e-mail"]
    (mail,) = mails
    assert (mail["Subject"], mail["From"]) == (NOTICE.subject("shed"), "s@example.org")
    assert mail.get_content().strip() == "aldi: nothing new for 60 h"
    named = [line.partition(":")[2] for line in commands if line.lower().startswith("rcpt")]
    assert named == ["<a@example.org>", "<b@example.org>"]


def test_a_user_is_logged_in_with_the_password_of_the_url():
    with mail_server(("AUTH PLAIN",)) as (address, mails, commands):
        send_notice(settings(notify_email="a@example.org", smtp_url=f"smtp://me:p%40ss@{address}"), NOTICE)
    assert len(mails) == 1
    assert any(line.startswith("AUTH PLAIN") for line in commands)


def test_a_password_does_not_leave_the_machine_unencrypted(monkeypatch):
    monkeypatch.setattr("splitcart.notices.LOCAL", set())
    with mail_server(("AUTH PLAIN",)) as (address, mails, commands):
        told = settings(notify_email="a@example.org", smtp_url=f"smtp://me:secret@{address}")
        with pytest.raises(NoticeError, match="by e-mail: SMTPNotSupportedError"):
            send_notice(told, NOTICE)
    assert mails == [] == [line for line in commands if line.startswith("AUTH")]


@pytest.mark.parametrize("status", [302, 500])
def test_one_way_that_fails_is_named_without_its_secret_and_does_not_hold_up_the_other(status):
    with webhook(status) as (url, _), mail_server() as (address, mails, _commands):
        told = settings(notify_webhook=url, notify_email="a@example.org", smtp_url=f"smtp://{address}")
        with pytest.raises(NoticeError, match="by webhook: HTTPError") as error:
            send_notice(told, NOTICE)
    assert "secret" not in str(error.value)
    assert len(mails) == 1


@pytest.mark.parametrize("url", [None, "mail.example.org", "http://mail.example.org"])
def test_half_a_configuration_is_named(url):
    with pytest.raises(InputError, match="SPLITCART_SMTP_URL"):
        send_notice(settings(notify_email="a@example.org", smtp_url=url), NOTICE)


def test_nobody_is_told_without_settings():
    assert send_notice(settings(), NOTICE) == []


def test_a_long_notice_is_cut():
    text = Notice(source="it", lines=[str(at) for at in range(250)]).text()
    assert text.endswith("199\n… and 50 more")
