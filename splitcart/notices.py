"""Tell an operator that something is wrong: by e-mail, by webhook, or both, as the settings say."""

import smtplib
import socket
from dataclasses import asdict, dataclass
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

import requests

from splitcart.config import Settings
from splitcart.errors import FailedError, InputError

TIMEOUT_SECONDS = 10
LOCAL = {"localhost", "127.0.0.1", "::1"}
MAX_LINES = 200


class NoticeError(FailedError):
    """A notice did not reach somebody who was to have it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What is wrong, a line each; ``source`` is the command that found it."""

    source: str
    lines: list[str]

    def subject(self, host: str) -> str:
        """Return one line that says where and how much."""
        things = "thing" if len(self.lines) == 1 else "things"
        return f"SplitCart on {host}: {self.source} found {len(self.lines)} {things} wrong"

    def text(self) -> str:
        """Return the lines, and how many were left out."""
        left_out = len(self.lines) - MAX_LINES
        return "\n".join([*self.lines[:MAX_LINES], *([f"… and {left_out} more"] if left_out > 0 else [])])


def send_notice(settings: Settings, notice: Notice) -> list[str]:
    """Send a notice by every way that is configured and return their names; raise NoticeError if one fails.

    A way that fails does not keep the notice from the others. Raises InputError for half a configuration.
    """
    ways = []
    if settings.notify_webhook:
        ways.append(("webhook", _post))
    if settings.notify_email:
        ways.append(("e-mail", _mail))
    problems = []
    for name, send in ways:
        try:
            send(settings, notice)
        except (OSError, smtplib.SMTPException) as error:  # those of requests are OSErrors
            problems.append(f"{name}: {type(error).__name__}")
    if problems:
        raise NoticeError(f"the notice of {notice.source} did not get through by {', '.join(problems)}")
    return [name for name, _ in ways]


def _post(settings: Settings, notice: Notice) -> None:
    assert settings.notify_webhook is not None
    subject = notice.subject(settings.worker)
    # ``text`` is what Slack, Mattermost and their like show.
    message = asdict(notice) | {"host": settings.worker, "subject": subject, "text": f"{subject}\n{notice.text()}"}
    answer = requests.post(
        settings.notify_webhook.get_secret_value(), json=message, timeout=TIMEOUT_SECONDS, allow_redirects=False
    )
    if answer.status_code >= 300:
        raise requests.HTTPError(f"{answer.status_code}")


def _mail(settings: Settings, notice: Notice) -> None:
    if settings.smtp_url is None:
        raise InputError("SPLITCART_NOTIFY_EMAIL is set and SPLITCART_SMTP_URL is not: no server to send mail by")
    message = EmailMessage()
    message["Subject"] = notice.subject(settings.worker)
    message["From"] = settings.notify_from or f"splitcart@{socket.gethostname()}"
    message["To"] = settings.notify_email
    message.set_content(notice.text() + "\n")
    server = urlsplit(settings.smtp_url.get_secret_value())
    if server.scheme not in {"smtp", "smtps"} or not server.hostname:
        raise InputError("SPLITCART_SMTP_URL is not like smtp://user:password@mail.example.org:587")
    kind = smtplib.SMTP_SSL if server.scheme == "smtps" else smtplib.SMTP
    name = socket.gethostname()  # smtplib would ask the name service, which may take its time
    with kind(server.hostname, server.port or 0, name, timeout=TIMEOUT_SECONDS) as connection:
        connection.ehlo()
        if is_open := server.scheme == "smtp" and connection.has_extn("starttls"):
            connection.starttls()
            connection.ehlo()
        if server.username:
            if server.scheme == "smtp" and not is_open and server.hostname not in LOCAL:
                raise smtplib.SMTPNotSupportedError("the server offers no encryption: the password is not sent")
            connection.login(unquote(server.username), unquote(server.password or ""))
        connection.send_message(message)
